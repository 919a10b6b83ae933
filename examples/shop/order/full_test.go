package order

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/examples/shop/internal/follow"
	"github.com/sinew-go/sinew/saga"
)

// pragma sets a pragma of the database.
func pragma(t *testing.T, db *sql.DB, name string, value int) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), fmt.Sprintf("PRAGMA %s = %d", name, value)); err != nil {
		t.Fatal(err)
	}
}

// processing returns how many of the orders o-0, o-1 and so on are paid and with logistics.
func processing(t *testing.T, s *Service, of int) (n int) {
	t.Helper()
	for i := range of {
		o, err := s.GetOrder(t.Context(), fmt.Sprint("o-", i))
		if err != nil {
			t.Fatal(err)
		}
		if o.Status == api.OrderProcessing && o.Payment.Status == api.PaymentCompleted {
			n++
		}
	}
	return n
}

func TestADiskThatIsFullForAWhileLosesNoPaidOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, err := database.Open("", "order")
		if err != nil {
			t.Fatal(err)
		}
		bus := eventbus.NewMemory(eventbus.MemoryPolicy{}) // nobody subscribes to the dead letters
		box, err := database.NewOutbox(db, bus)
		if err != nil {
			t.Fatal(err)
		}
		store, err := database.NewStore(db)
		if err != nil {
			t.Fatal(err)
		}
		s := &Service{db: db, outbox: box, store: store}
		s.send = func(context.Context, *api.ByOrder) (*api.Shipment, error) { return &api.Shipment{}, nil }
		s.repay = func(context.Context, *api.ByOrder) (endpoint.None, error) { return endpoint.None{}, nil }
		s.fulfilments = saga.New(s.fulfil(), saga.NewMemory())
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { s.fulfilments.Run(ctx) })
		if err := api.PaymentFinished.Handle(bus, "order", s.hearOfPayment, follow.Safely(bus)); err != nil {
			t.Fatal(err)
		}
		const paid = 6
		for n := range paid {
			o := api.Order{ID: fmt.Sprint("o-", n), Status: api.OrderPending, Billing: api.BillingInfo{TaxID: strings.Repeat("x", 8000)}}
			begin(t, s, record{Order: o, Placed: true})
			if err := s.ProcessOrder(t.Context(), o.ID); err != nil {
				t.Fatal(err)
			}
		}
		var pages int
		if err := db.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages); err != nil {
			t.Fatal(err)
		}
		pragma(t, db, "max_page_count", pages)
		for n := range paid {
			p := api.Payment{ID: fmt.Sprint("pay-", n), OrderID: fmt.Sprint("o-", n), Status: api.PaymentCompleted}
			if err := api.PaymentFinished.Publish(t.Context(), bus, p); err != nil {
				t.Fatal(err)
			}
		}
		bubble.Sleep(time.Minute)
		if n := processing(t, s, paid); n > 0 {
			t.Errorf("%d orders were written to a full disk", n)
		}
		pragma(t, db, "max_page_count", 1<<30)
		bubble.Sleep(5 * time.Minute)
		if n := processing(t, s, paid); n != paid {
			t.Errorf("%d of %d paid orders are processed", n, paid)
		}
		stop()
		running.Wait()
		if err := errors.Join(bus.Close(t.Context()), db.Close()); err != nil {
			t.Error(err)
		}
	})
}
