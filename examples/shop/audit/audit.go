// Package audit recomputes the money and the stock of the shop from its events, to be
// compared with what the bank and the inventory say.
package audit

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/examples/shop/internal/follow"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// account is what the events say of one order. Each of its parts follows from the last
// event of one topic, so that it is the same however often an event comes.
type account struct {
	OrderID  string               `json:"order_id"`
	Status   api.OrderStatus      `json:"status"`
	Pieces   map[string]int       `json:"pieces"`   // by product
	Left     bool                 `json:"left"`     // the pieces have left the stock
	Payments map[string]api.Money `json:"payments"` // that succeeded, by ID
}

// created notes the pieces of an order.
func (a account) created(e api.OrderCreatedEvent) account {
	a.Pieces = map[string]int{}
	for _, item := range e.Items {
		a.Pieces[item.ProductID] += item.Quantity
	}
	return a
}

// moved notes the status of an order.
func (a account) moved(o api.Order) account {
	a.Status = o.Status
	a.Left = a.Left || o.Status == api.OrderShipped || o.Status == api.OrderDelivered
	return a
}

// paid notes a payment.
func (a account) paid(p api.Payment) account {
	if p.Status != api.PaymentCompleted {
		return a
	}
	payments := map[string]api.Money{p.ID: p.Amount}
	maps.Copy(payments, a.Payments)
	a.Payments = payments
	return a
}

var accounts = database.Table[account]{Kind: "account"}

// Schema creates the tables of the service.
var Schema = []string{accounts.Schema()}

// Report is what the events say of all orders.
type Report struct {
	Orders   map[api.OrderStatus]int `json:"orders"`   // by status
	Money    api.Money               `json:"money"`    // paid for orders that were neither cancelled nor refunded
	Sold     map[string]int          `json:"sold"`     // pieces that have left the stock, by product
	Reserved map[string]int          `json:"reserved"` // pieces that wait to leave, by product
}

// GetReport answers with the report.
var GetReport = rest.Route[endpoint.None, *Report]{Pattern: "GET /audit"}

// Service is the auditor.
type Service struct{ db *sql.DB }

// New subscribes to the events of the shop, and serves the report on svc.
func New(svc *sinew.Service, db *sql.DB) (*Service, error) {
	s := &Service{db}
	GetReport.Handle(svc, func(ctx context.Context, _ endpoint.None) (*Report, error) { return Of(ctx, db) })
	return s, errors.Join(
		api.OrderCreated.Handle(svc, "audit", func(ctx context.Context, e api.OrderCreatedEvent) error {
			return s.note(ctx, e.OrderID, func(a account) account { return a.created(e) })
		}, follow.Safely(svc)),
		api.OrderStatusChanged.Handle(svc, "audit", func(ctx context.Context, o api.Order) error {
			return s.note(ctx, o.ID, func(a account) account { return a.moved(o) })
		}, follow.Safely(svc)),
		api.PaymentFinished.Handle(svc, "audit", func(ctx context.Context, p api.Payment) error {
			return s.note(ctx, p.OrderID, func(a account) account { return a.paid(p) })
		}, follow.Safely(svc)),
	)
}

// note changes the account of an order, which the first event opens.
func (s *Service) note(ctx context.Context, orderID string, apply func(account) account) error {
	return database.Within(ctx, s.db, func(tx *sql.Tx) error {
		found, err := accounts.Get(ctx, tx, orderID)
		if errors.Is(err, fault.NotFound) {
			opened := apply(account{OrderID: orderID})
			return accounts.Insert(ctx, tx, orderID, &opened)
		}
		if err != nil {
			return err
		}
		changed := apply(*found)
		return accounts.Update(ctx, tx, orderID, &changed)
	})
}

// Of adds up what the events in db say of all orders, or of those with these IDs.
func Of(ctx context.Context, db *sql.DB, ids ...string) (*Report, error) {
	all, err := accounts.Where(ctx, db, `true`)
	r := &Report{Orders: map[api.OrderStatus]int{}, Sold: map[string]int{}, Reserved: map[string]int{}}
	for _, a := range all {
		if len(ids) == 0 || slices.Contains(ids, a.OrderID) {
			r.add(a)
		}
	}
	return r, err
}

func (r *Report) add(a *account) {
	r.Orders[a.Status]++
	isOver := a.Status == api.OrderCancelled || a.Status == api.OrderRefunded
	for product, n := range a.Pieces {
		switch {
		case a.Left:
			r.Sold[product] += n
		case !isOver:
			r.Reserved[product] += n
		}
	}
	for _, amount := range a.Payments {
		if !isOver {
			r.Money += amount
		}
	}
}
