// Package payment takes the money for orders.
package payment

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/fault"
)

var payments = database.Table[api.Payment]{Kind: "payment"}

// Schema makes the service's tables. An order has one payment that did not fail.
var Schema = []string{
	payments.Schema(),
	payments.Index("order", "UNIQUE", `json_extract(doc, '$.order_id')`) + ` WHERE json_extract(doc, '$.status') <> 'failed'`,
	database.OutboxSchema,
}

// Provider moves money. It answers with a transaction's id, or with an error
// when it declines.
type Provider interface {
	Charge(ctx context.Context, p *api.Payment) (transactionID string, err error)
}

// Service takes payments through a Provider.
type Service struct {
	db       *sql.DB
	outbox   *database.Outbox
	provider Provider
	order    endpoint.Endpoint[*api.ByID, *api.Order]
}

// New serves the payments in db on svc, and refunds those of cancelled orders.
func New(svc *sinew.Service, db *sql.DB, provider Provider) (*Service, error) {
	s := &Service{
		db:       db,
		outbox:   database.NewOutbox(db, svc),
		provider: provider,
		order:    api.GetOrder.Endpoint(svc.Client("order")),
	}
	api.CreatePayment.Handle(svc, s.Pay)
	api.GetPayment.Handle(svc, func(ctx context.Context, r *api.ByID) (*api.Payment, error) {
		return payments.Get(ctx, s.db, r.ID)
	})
	svc.Go(s.outbox.Run)
	return s, api.OrderStatusChanged.Handle(svc, "payment", s.refund, eventbus.Retry{}.Middleware())
}

// Pay charges a pending order in full. A declined payment is an answer, not an
// error: its status is failed.
func (s *Service) Pay(ctx context.Context, r *api.PaymentRequest) (*api.Payment, error) {
	o, err := s.order(ctx, &api.ByID{ID: r.OrderID})
	if err != nil {
		return nil, err
	}
	if o.Status != api.OrderPending {
		return nil, notPending(o.ID, string(o.Status))
	}
	p := &api.Payment{ID: "pay-" + rand.Text(), OrderID: o.ID, Method: r.Method, Status: api.PaymentProcessing, Amount: o.TotalAmount, Currency: o.Currency}
	if err := payments.Insert(ctx, s.db, p.ID, p); errors.Is(err, database.ErrTaken) {
		return nil, notPending(o.ID, "being paid")
	} else if err != nil {
		return nil, err
	}
	return s.charge(context.WithoutCancel(ctx), p) // money that moved is written down, whoever has left
}

func (s *Service) charge(ctx context.Context, p *api.Payment) (*api.Payment, error) {
	transaction, declined := s.provider.Charge(ctx, p)
	p, err := payments.Change(ctx, s.db, p.ID, func(tx *sql.Tx, p *api.Payment) error {
		now := time.Now().UTC()
		p.Status, p.TransactionID, p.ProcessedAt = api.PaymentCompleted, transaction, &now
		if declined != nil {
			p.Status = api.PaymentFailed
		}
		return api.PaymentFinished.Publish(ctx, s.outbox.In(tx), *p)
	})
	if err != nil {
		return nil, err
	}
	s.outbox.Wake()
	return p, nil
}

// refund gives the money of a cancelled order back.
func (s *Service) refund(ctx context.Context, o api.Order) error {
	if o.Status != api.OrderCancelled {
		return nil
	}
	paid, err := payments.Where(ctx, s.db, `json_extract(doc, '$.order_id') = ? AND json_extract(doc, '$.status') = 'completed'`, o.ID)
	for _, p := range paid {
		_, changed := payments.Change(ctx, s.db, p.ID, func(_ *sql.Tx, p *api.Payment) error {
			p.Status = api.PaymentRefunded
			return nil
		})
		err = errors.Join(err, changed)
	}
	return err
}

func notPending(order, state string) error {
	return fault.FailedPrecondition.Errorf("order %s is %s and cannot be paid", order, state).WithReason("illegal_transition")
}
