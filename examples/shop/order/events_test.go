package order

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/eventbustest"
	"github.com/sinew-go/sinew/eventbus/eventstore"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/internal/realserver"
)

// openCounter opens the order service with nothing but its database.
func openCounter(t *testing.T, at string) *Service {
	t.Helper()
	db, err := database.Open(at, "order")
	if err != nil {
		t.Fatal(err)
	}
	store, err := database.NewStore(db)
	if err != nil {
		t.Fatal(err)
	}
	box, err := database.NewOutbox(db, eventbus.NewMemory(eventbus.MemoryPolicy{}))
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{db: db, store: store, outbox: box, listing: store.Project(listing)}
	if err := s.listing.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// runListing runs the projection until the test ends.
func (s *Service) runListing(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { s.listing.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
}

// live makes one order go the whole way, and ends another one before its payment comes.
func live(t *testing.T, s *Service) {
	t.Helper()
	ctx, cost := t.Context(), api.PaymentInfo{Status: api.PaymentCompleted, Amount: 500, TransactionID: "tx-1"}
	for i, id := range []string{"o-1", "o-2"} {
		begin(t, s, record{Placed: true, Order: api.Order{ID: id, UserID: "u-1", Status: api.OrderPending, TotalAmount: 500,
			Items: []api.OrderItem{{ProductID: "p-1", Quantity: 2}}, CreatedAt: time.Date(2026, 1, 1, 0, i, 0, 0, time.UTC)}})
	}
	happen := func(id string, what func(ctx context.Context, r record, to eventbus.Publisher) error) {
		t.Helper()
		if _, err := s.change(ctx, id, what); err != nil {
			t.Fatal(err)
		}
	}
	moveTo := func(status api.OrderStatus) func(ctx context.Context, r record, to eventbus.Publisher) error {
		return func(ctx context.Context, r record, to eventbus.Publisher) error { return r.move(ctx, to, status) }
	}
	if err := s.UpdateOrder(ctx, &api.Order{ID: "o-1", Billing: api.BillingInfo{TaxID: "x"}}); err != nil {
		t.Fatal(err)
	}
	happen("o-1", func(ctx context.Context, r record, to eventbus.Publisher) error {
		return errors.Join(paid.Publish(ctx, to, orderPaid{cost}), r.move(ctx, to, api.OrderConfirmed))
	})
	happen("o-2", moveTo(api.OrderCancelled))
	happen("o-1", moveTo(api.OrderProcessing))
	happen("o-2", func(ctx context.Context, _ record, to eventbus.Publisher) error {
		return errors.Join(paid.Publish(ctx, to, orderPaid{cost}), repaid.Publish(ctx, to, orderRepaid{}))
	})
	for _, status := range []api.OrderStatus{api.OrderShipped, api.OrderDelivered} {
		happen("o-1", func(ctx context.Context, r record, to eventbus.Publisher) error {
			return errors.Join(tracked.Publish(ctx, to, orderTracked{"T-1", status, time.Now().UTC()}), r.move(ctx, to, status))
		})
	}
	happen("o-2", func(ctx context.Context, _ record, to eventbus.Publisher) error {
		return paidLate.Publish(ctx, to, orderPaidLate{cost})
	})
}

// lived returns the events of two orders.
func lived(t *testing.T) (all []eventbus.Event) {
	t.Helper()
	s := openCounter(t, "")
	live(t, s)
	for e, err := range s.store.All(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Event)
	}
	return all
}

func TestAnOrderIsTheSameHoweverItsEventsCome(t *testing.T) {
	eventbustest.Converges(t, func() map[string]record { return map[string]record{} },
		func(all map[string]record, e eventbus.Event) map[string]record {
			var err error
			if all[e.Key], err = orders.Folds.Apply(all[e.Key], e); err != nil {
				t.Fatal(err)
			}
			return all
		}, lived(t))
}

func TestTheListingIsTheSameHoweverTheEventsCome(t *testing.T) {
	events, s := lived(t)[:9], openCounter(t, t.TempDir())
	tx, err := s.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	eventbustest.Converges(t, func() map[string]record {
		if _, err := tx.ExecContext(t.Context(), `DELETE FROM order_listing_1`); err != nil {
			t.Fatal(err)
		}
		return map[string]record{}
	}, func(all map[string]record, e eventbus.Event) map[string]record {
		if err := s.listing.Apply(t.Context(), tx, eventstore.Event{Event: e, Stream: e.Key}); err != nil {
			t.Fatal(err)
		}
		all[e.Key] = row(t, tx, e.Key)
		return all
	}, events)
}

// row returns the order in a row of the listing.
func row(t *testing.T, tx *sql.Tx, stream string) record {
	t.Helper()
	found, err := records(tx.QueryContext(t.Context(), `SELECT doc FROM order_listing_1 WHERE stream = ?`, stream))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s has %d rows (%v)", stream, len(found), err)
	}
	return *found[0]
}

// onEach runs f on an empty database of each kind.
func onEach(t *testing.T, f func(t *testing.T, s *Service)) {
	t.Run("SQLite", func(t *testing.T) { f(t, openCounter(t, t.TempDir())) })
	t.Run("PostgreSQL", func(t *testing.T) { f(t, openCounter(t, realserver.Postgres(t).Addr)) })
}

func TestTheListingSaysWhatTheEventsSay(t *testing.T) {
	onEach(t, func(t *testing.T, s *Service) {
		s.runListing(t)
		live(t, s)
		found, err := s.find(t.Context(), `user_id = ?`, "u-1")
		if err != nil || len(found) != 2 {
			t.Fatalf("found %d of 2 orders (%v)", len(found), err)
		}
		for i, id := range []string{"o-1", "o-2"} {
			if r, _, err := orders.Load(t.Context(), s.store, id); err != nil || !reflect.DeepEqual(*found[i], r) {
				t.Errorf("listed is %+v, and the events say %+v (%v)", *found[i], r, err)
			}
		}
	})
}

func TestWhatIsSoldFollowsFromTheEvents(t *testing.T) {
	s := openCounter(t, "")
	live(t, s)
	if money, shipped, err := Sold(t.Context(), s.db); err != nil || money != 500 || !maps.Equal(shipped, map[string]int{"p-1": 2}) {
		t.Errorf("sold %v for %s (%v), want 2 of p-1 for 5.00", shipped, money, err)
	}
}

func TestNoChangeOfAnOrderIsLostBesideOthers(t *testing.T) {
	onEach(t, func(t *testing.T, s *Service) {
		begin(t, s, record{Order: api.Order{ID: "o-1", Status: api.OrderPending}})
		var changes sync.WaitGroup
		for range 20 {
			changes.Go(func() {
				if _, err := s.change(t.Context(), "o-1", func(ctx context.Context, r record, to eventbus.Publisher) error {
					r.TotalAmount++
					return accepted.Publish(ctx, to, orderAccepted{Order: r.Order})
				}); err != nil {
					t.Error(err)
				}
			})
		}
		changes.Wait()
		if o, err := s.GetOrder(t.Context(), "o-1"); err != nil || o.TotalAmount != 20 {
			t.Errorf("20 changes by one make %+v (%v)", o, err)
		}
	})
}
