package order

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/examples/shop/internal/follow"
)

// pragma sets a pragma of the database.
func pragma(t *testing.T, db *sql.DB, name string, value int) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), fmt.Sprintf("PRAGMA %s = %d", name, value)); err != nil {
		t.Fatal(err)
	}
}

func confirmed(t *testing.T, db *sql.DB) int {
	t.Helper()
	found, err := orders.Where(t.Context(), db, `json_extract(doc, '$.status') = 'confirmed'`)
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

func TestADiskThatIsFullForAWhileLosesNoPaidOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, err := database.Open("", "order", Schema...)
		if err != nil {
			t.Fatal(err)
		}
		bus := eventbus.NewMemory(eventbus.MemoryPolicy{}) // nobody subscribes to the dead letters
		box, err := database.NewOutbox(db, bus)
		if err != nil {
			t.Fatal(err)
		}
		s := &Service{db: db, outbox: box}
		if err := api.PaymentFinished.Handle(bus, "order", s.paid, follow.Safely(bus)); err != nil {
			t.Fatal(err)
		}
		const paid = 6
		for n := range paid {
			o := api.Order{ID: fmt.Sprint("o-", n), Status: api.OrderPending, Billing: api.BillingInfo{TaxID: strings.Repeat("x", 8000)}}
			if err := orders.Insert(t.Context(), db, o.ID, &record{Order: o, Placed: true}); err != nil {
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
		bubble.Sleep(12 * time.Second)
		if n := confirmed(t, db); n > 0 {
			t.Errorf("%d orders were written to a full disk", n)
		}
		pragma(t, db, "max_page_count", 1<<30)
		bubble.Sleep(time.Minute)
		if n := confirmed(t, db); n != paid {
			t.Errorf("%d of %d paid orders are confirmed", n, paid)
		}
		if err := errors.Join(bus.Close(t.Context()), db.Close()); err != nil {
			t.Error(err)
		}
	})
}
