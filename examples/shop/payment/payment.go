// Package payment charges and refunds orders.
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
	"github.com/sinew-go/sinew/eventbus/outbox"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/examples/shop/internal/follow"
	"github.com/sinew-go/sinew/examples/shop/stripe"
	"github.com/sinew-go/sinew/fault"
)

// record is the stored form of a payment, with its start and the keyed request that it
// answers.
type record struct {
	api.Payment
	Begun   time.Time `json:"begun"`
	Request string    `json:"request"`
}

var payments = database.Table[record]{Kind: "payment"}

// Schema creates the tables of the service. An order has at most one payment that did not
// fail.
var Schema = []string{
	payments.Schema(),
	payments.Index("order", "UNIQUE", `json_extract(doc, '$.order_id')`) + ` WHERE json_extract(doc, '$.status') <> 'failed'`,
	payments.Index("request", "", `json_extract(doc, '$.request')`),
}

// chargeTimeout limits the answer of a provider.
const chargeTimeout = 10 * time.Second

// Provider transfers money. Both methods have one effect for a payment, however often they
// are called.
type Provider interface {
	// Charge returns the ID of the transaction, or declines with fault.FailedPrecondition.
	// After any other error it is unknown whether money was transferred: Charge is called
	// again, unless a webhook brings the result.
	Charge(ctx context.Context, p *api.Payment) (transactionID string, err error)
	// Refund returns the money of a payment that has a transaction.
	Refund(ctx context.Context, p *api.Payment) error
}

// Service charges payments with a Provider.
type Service struct {
	db       *sql.DB
	outbox   *outbox.Outbox
	keys     database.Answers
	provider Provider
	secret   string // of the provider's webhooks
	order    endpoint.Endpoint[*api.ByID, *api.Order]
}

// New serves the payments in db on svc, and refunds those of orders that are cancelled or
// returned. svc stores its keyed answers in db. The webhooks of the provider are signed
// with secret.
func New(svc *sinew.Service, db *sql.DB, provider Provider, secret string) (*Service, error) {
	box, err := database.NewOutbox(db, svc)
	if err != nil {
		return nil, err
	}
	s := &Service{
		db:       db,
		outbox:   box,
		keys:     database.Answers{Store: svc.IdempotencyStore()},
		provider: provider,
		secret:   secret,
		order:    api.GetOrder.Endpoint(svc.Client("order")),
	}
	api.CreatePayment.Handle(svc, s.Pay)
	stripe.Webhook.Handle(svc, s.hear)
	api.RefundOrder.Handle(svc, func(ctx context.Context, r *api.ByOrder) (none endpoint.None, err error) {
		return none, s.refund(ctx, r.OrderID)
	})
	api.GetPayment.Handle(svc, func(ctx context.Context, r *api.ByID) (*api.Payment, error) {
		found, err := payments.Get(ctx, s.db, r.ID)
		if err != nil {
			return nil, err
		}
		return &found.Payment, nil
	})
	svc.Go(s.outbox.Run)
	svc.Go(s.sweep)
	return s, api.OrderStatusChanged.Handle(svc, "payment", s.follow, follow.Safely(svc))
}

// Pay charges a pending order in full. A declined payment is no error: its status is
// failed. A repeat of the same keyed request continues with the payment that it started,
// even if the order has changed its status since.
func (s *Service) Pay(ctx context.Context, r *api.PaymentRequest) (*api.Payment, error) {
	request := database.Request(ctx, r)
	if begun, err := s.resume(ctx, request); begun != nil || err != nil {
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
	return s.charge(context.WithoutCancel(ctx), p) // the result of a charge is stored even if the caller has gone
}

// resume completes the payment that the same request started before its process died. It
// returns nil if there is none.
func (s *Service) resume(ctx context.Context, request string) (*api.Payment, error) {
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

// charge transfers the money. If the provider cannot tell the result, the payment stays in
// progress for a webhook, a repeat or sweep.
func (s *Service) charge(ctx context.Context, p *api.Payment) (*api.Payment, error) {
	asking, cancel := context.WithTimeout(ctx, chargeTimeout)
	defer cancel()
	transaction, declined := s.provider.Charge(asking, p)
	if declined != nil && !errors.Is(declined, fault.FailedPrecondition) {
		return nil, fault.Unavailable.Errorf("payment %s is not at its end yet: %w", p.ID, declined)
	}
	return s.finish(ctx, p.ID, transaction, declined != nil)
}

// finish stores the result of a payment, with the event for subscribers and the answer for
// the idempotency key, unless it has a result.
func (s *Service) finish(ctx context.Context, id, transaction string, declined bool) (*api.Payment, error) {
	r, err := payments.Change(ctx, s.db, id, func(tx *sql.Tx, r *record) error {
		if r.Status != api.PaymentProcessing {
			return nil
		}
		now := time.Now().UTC()
		r.Status, r.TransactionID, r.ProcessedAt = api.PaymentCompleted, transaction, &now
		if declined {
			r.Status = api.PaymentFailed
		}
		return errors.Join(
			api.PaymentFinished.Publish(ctx, s.outbox.In(tx), r.Payment),
			s.keys.Save(ctx, tx, &r.Payment),
		)
	})
	if err != nil {
		return nil, err
	}
	s.outbox.Wake()
	return &r.Payment, nil
}

// sweep runs now and every minute. It completes the payments whose process died before.
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

// follow returns the money of an order that was cancelled or returned.
func (s *Service) follow(ctx context.Context, o api.Order) error {
	if o.Status != api.OrderCancelled && o.Status != api.OrderRefunded {
		return nil
	}
	return s.refund(ctx, o.ID)
}

// refund returns the money of an order.
func (s *Service) refund(ctx context.Context, orderID string) error {
	paid, err := payments.Where(ctx, s.db, `json_extract(doc, '$.order_id') = ? AND json_extract(doc, '$.status') = 'completed'`, orderID)
	for _, p := range paid {
		if refused := s.provider.Refund(ctx, &p.Payment); refused != nil {
			err = errors.Join(err, refused)
			continue
		}
		_, changed := payments.Change(ctx, s.db, p.ID, func(_ *sql.Tx, r *record) error {
			r.Status = api.PaymentRefunded
			return nil
		})
		err = errors.Join(err, changed)
	}
	return err
}

// hear handles a webhook of the provider, which knows the result of a payment also if its
// answer to charge was lost.
func (s *Service) hear(ctx context.Context, r *stripe.Report) (none endpoint.None, err error) {
	e, err := r.Read(s.secret, time.Now())
	if err != nil || e.Type != stripe.IntentSucceeded && e.Type != stripe.IntentFailed {
		return none, err
	}
	_, err = s.finish(ctx, e.Data.Intent.Metadata["payment_id"], e.Data.Intent.ID, e.Type == stripe.IntentFailed)
	if errors.Is(err, fault.NotFound) {
		err = nil // it is not one of ours, and Stripe would send it again
	}
	return none, err
}

func notPending(order, state string) error {
	return api.Conflict("illegal_transition", "order %s is %s and cannot be paid", order, state)
}
