// Package payment takes the money for orders.
package payment

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/examples/shop/internal/follow"
	"github.com/sinew-go/sinew/fault"
)

// record is a payment as it is kept: with the moment at which it began, and the
// keyed request that it answers.
type record struct {
	api.Payment
	Begun   time.Time `json:"begun"`
	Request string    `json:"request"`
}

var payments = database.Table[record]{Kind: "payment"}

// Schema makes the service's tables. An order has one payment that did not fail.
var Schema = []string{
	payments.Schema(),
	payments.Index("order", "UNIQUE", `json_extract(doc, '$.order_id')`) + ` WHERE json_extract(doc, '$.status') <> 'failed'`,
	payments.Index("request", "", `json_extract(doc, '$.request')`),
	database.OutboxSchema,
}

// chargeTimeout is how long a provider may take to answer.
const chargeTimeout = 10 * time.Second

// Provider moves money. It answers with a transaction's id, or declines with
// fault.FailedPrecondition. After any other error it is not known whether the money
// has moved: it is asked again. A payment that it has seen is not charged again.
type Provider interface {
	Charge(ctx context.Context, p *api.Payment) (transactionID string, err error)
}

// Service takes payments through a Provider.
type Service struct {
	db       *sql.DB
	outbox   *database.Outbox
	keys     database.Answers
	provider Provider
	order    endpoint.Endpoint[*api.ByID, *api.Order]
}

// New serves the payments in db on svc, and refunds those of orders that are
// cancelled or sent back. svc keeps its answers in db.
func New(svc *sinew.Service, db *sql.DB, provider Provider) (*Service, error) {
	s := &Service{
		db:       db,
		outbox:   database.NewOutbox(db, svc),
		keys:     database.Answers{Store: svc.IdempotencyStore()},
		provider: provider,
		order:    api.GetOrder.Endpoint(svc.Client("order")),
	}
	api.CreatePayment.Handle(svc, s.Pay)
	api.GetPayment.Handle(svc, func(ctx context.Context, r *api.ByID) (*api.Payment, error) {
		found, err := payments.Get(ctx, s.db, r.ID)
		if err != nil {
			return nil, err
		}
		return &found.Payment, nil
	})
	svc.Go(s.outbox.Run)
	svc.Go(s.sweep)
	return s, api.OrderStatusChanged.Handle(svc, "payment", s.refund, follow.Safely(svc))
}

// Pay charges a pending order in full. A declined payment is an answer, not an
// error: its status is failed. A repeat of the same keyed request goes on with the
// payment that it began, though the order is past being paid meanwhile.
func (s *Service) Pay(ctx context.Context, r *api.PaymentRequest) (*api.Payment, error) {
	request := database.Request(ctx, r)
	if begun, err := s.begun(ctx, request); begun != nil || err != nil {
		return begun, err
	}
	o, err := s.order(ctx, &api.ByID{ID: r.OrderID})
	if err != nil {
		return nil, err
	}
	if o.Status != api.OrderPending {
		return nil, notPending(o.ID, string(o.Status))
	}
	p := &api.Payment{ID: "pay-" + rand.Text(), OrderID: o.ID, Method: r.Method, Status: api.PaymentProcessing, Amount: o.TotalAmount, Currency: o.Currency}
	if err := payments.Insert(ctx, s.db, p.ID, &record{*p, time.Now().UTC(), request}); errors.Is(err, database.ErrTaken) {
		return nil, notPending(o.ID, "being paid")
	} else if err != nil {
		return nil, err
	}
	return s.charge(context.WithoutCancel(ctx), p) // money that moved is written down, whoever has left
}

// begun is the payment that the same request began before its process died, brought
// to its end; nil if there is none.
func (s *Service) begun(ctx context.Context, request string) (*api.Payment, error) {
	if request == "" {
		return nil, nil
	}
	all, err := payments.Where(ctx, s.db, `json_extract(doc, '$.request') = ?`, request)
	switch {
	case err != nil || len(all) == 0:
		return nil, err
	case all[0].Status == api.PaymentProcessing:
		return s.charge(context.WithoutCancel(ctx), &all[0].Payment)
	}
	return &all[0].Payment, nil
}

// charge moves the money and writes down, all at once, that it has moved, who shall
// hear of it, and what the key is answered with that it was paid with. Where the
// provider cannot say, the payment stays under way, for a repeat or for sweep.
func (s *Service) charge(ctx context.Context, p *api.Payment) (*api.Payment, error) {
	asking, cancel := context.WithTimeout(ctx, chargeTimeout)
	defer cancel()
	transaction, declined := s.provider.Charge(asking, p)
	if declined != nil && !errors.Is(declined, fault.FailedPrecondition) {
		return nil, fault.Unavailable.Errorf("payment %s is not at its end yet: %w", p.ID, declined)
	}
	r, err := payments.Change(ctx, s.db, p.ID, func(tx *sql.Tx, r *record) error {
		if r.Status != api.PaymentProcessing {
			return nil // somebody else has brought it to its end
		}
		now := time.Now().UTC()
		r.Status, r.TransactionID, r.ProcessedAt = api.PaymentCompleted, transaction, &now
		if declined != nil {
			r.Status = api.PaymentFailed
		}
		return errors.Join(
			api.PaymentFinished.Publish(ctx, s.outbox.In(tx), r.Payment),
			s.keys.Keep(ctx, tx, &r.Payment),
		)
	})
	if err != nil {
		return nil, err
	}
	s.outbox.Wake()
	return &r.Payment, nil
}

// sweep brings to an end, now and every minute, the payments whose process died
// before it had.
func (s *Service) sweep(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		old := time.Now().UTC().Add(-time.Minute).Format(time.RFC3339Nano)
		left, err := payments.Where(ctx, s.db, `json_extract(doc, '$.status') = 'processing' AND json_extract(doc, '$.begun') < ?`, old)
		for _, r := range left {
			_, charged := s.charge(ctx, &r.Payment)
			err = errors.Join(err, charged)
		}
		if err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "payments are still under way", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// refund gives the money of an order back that is cancelled or was sent back.
func (s *Service) refund(ctx context.Context, o api.Order) error {
	if o.Status != api.OrderCancelled && o.Status != api.OrderRefunded {
		return nil
	}
	paid, err := payments.Where(ctx, s.db, `json_extract(doc, '$.order_id') = ? AND json_extract(doc, '$.status') = 'completed'`, o.ID)
	for _, p := range paid {
		_, changed := payments.Change(ctx, s.db, p.ID, func(_ *sql.Tx, r *record) error {
			r.Status = api.PaymentRefunded
			return nil
		})
		err = errors.Join(err, changed)
	}
	return err
}

func notPending(order, state string) error {
	return fault.FailedPrecondition.Errorf("order %s is %s and cannot be paid", order, state).WithReason("illegal_transition")
}
