// Package logistics ships orders to their buyers.
package logistics

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/eventbus/outbox"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/examples/shop/internal/follow"
	"github.com/sinew-go/sinew/tracing"
)

// parcel is the stored form of a shipment, with the trace of its order and the time of
// its next step, or 0 if there is none.
type parcel struct {
	api.Shipment
	Trace http.Header `json:"trace"`
	Due   int64       `json:"due"`
}

var parcels = database.Table[parcel]{Kind: "shipment"}

// Schema creates the tables of the service. An order has one shipment.
var Schema = []string{
	parcels.Schema(),
	parcels.Index("order", "UNIQUE", `json_extract(doc, '$.order_id')`),
	parcels.Index("due", "", `(CAST(json_extract(doc, '$.due') AS BIGINT))`),
}

// pace is how long each step of a shipment takes.
const pace = 300 * time.Millisecond

// Service manages shipments.
type Service struct {
	db     *sql.DB
	outbox *outbox.Outbox
}

// New serves the shipments in db on svc, and stops those of orders that have ended.
func New(svc *sinew.Service, db *sql.DB) (*Service, error) {
	box, err := database.NewOutbox(db, svc)
	if err != nil {
		return nil, err
	}
	s := &Service{db: db, outbox: box}
	api.ListShipments.Handle(svc, s.list)
	api.ShipOrder.Handle(svc, s.ship)
	svc.Go(s.outbox.Run)
	svc.Go(s.work)
	return s, api.OrderStatusChanged.Handle(svc, "logistics", s.follow, follow.Safely(svc))
}

func (s *Service) list(ctx context.Context, r *api.ShipmentFilter) (*api.List[*api.Shipment], error) {
	found, err := parcels.Where(ctx, s.db, `?1 = '' OR json_extract(doc, '$.order_id') = ?1`, r.OrderID)
	if err != nil {
		return nil, err
	}
	var shipments []*api.Shipment
	for _, p := range found {
		shipments = append(shipments, &p.Shipment)
	}
	return api.ListOf(shipments), nil
}

func (s *Service) follow(ctx context.Context, o api.Order) error {
	if o.Status == api.OrderCancelled || o.Status == api.OrderRefunded {
		return s.stop(ctx, o.ID)
	}
	return nil
}

// ship creates the order's shipment, once, which leaves when it is packed.
func (s *Service) ship(ctx context.Context, r *api.ByOrder) (*api.Shipment, error) {
	now := time.Now().UTC()
	p := &parcel{
		Shipment: api.Shipment{ID: "s-" + rand.Text(), OrderID: r.OrderID, Status: api.ShipmentPreparing, Tracking: "SN" + rand.Text()[:12], CreatedAt: now},
		Trace:    http.Header{}, Due: now.Add(pace).UnixNano(),
	}
	tracing.Inject(ctx, p.Trace)
	err := database.Within(ctx, s.db, func(tx *sql.Tx) error {
		if err := parcels.Insert(ctx, tx, p.ID, p); err != nil {
			return err
		}
		return api.ShipmentMoved.Publish(ctx, s.outbox.In(tx), p.Shipment)
	})
	if !errors.Is(err, database.ErrTaken) {
		s.outbox.Wake()
		return &p.Shipment, err
	}
	found, err := parcels.Where(ctx, s.db, `json_extract(doc, '$.order_id') = ?`, r.OrderID)
	if err != nil {
		return nil, err
	}
	return &found[0].Shipment, nil
}

// stop prevents a shipment from leaving, if it has not left.
func (s *Service) stop(ctx context.Context, orderID string) error {
	found, err := parcels.Where(ctx, s.db, `json_extract(doc, '$.order_id') = ?`, orderID)
	for _, p := range found {
		err = errors.Join(err, s.advance(ctx, p.ID, api.ShipmentPreparing, api.ShipmentCancelled))
	}
	return err
}

// work advances every shipment whose time has come, until ctx ends.
func (s *Service) work(ctx context.Context) {
	tick := time.NewTicker(pace / 3)
	defer tick.Stop()
	for {
		if err := s.moveDue(ctx); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "shipments wait", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Service) moveDue(ctx context.Context) error {
	due, err := parcels.Where(ctx, s.db, `CAST(json_extract(doc, '$.due') AS BIGINT) BETWEEN 1 AND ?`, time.Now().UnixNano())
	for _, p := range due {
		next := api.ShipmentShipped
		if p.Status == api.ShipmentShipped {
			next = api.ShipmentDelivered
		}
		err = errors.Join(err, s.advance(tracing.Extract(ctx, p.Trace), p.ID, p.Status, next))
	}
	return err
}

// advance moves a shipment one step, unless another instance did so before.
func (s *Service) advance(ctx context.Context, id string, from, to api.ShipmentStatus) error {
	_, err := parcels.Change(ctx, s.db, id, func(tx *sql.Tx, p *parcel) error {
		if p.Status != from {
			return nil
		}
		p.Status, p.Due = to, 0
		if to == api.ShipmentShipped {
			p.Due = time.Now().Add(pace).UnixNano()
		}
		return api.ShipmentMoved.Publish(ctx, s.outbox.In(tx), p.Shipment)
	})
	s.outbox.Wake()
	return err
}
