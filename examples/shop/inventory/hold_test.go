package inventory_test

import (
	"context"
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/examples/shop/inventory"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open serves an inventory with 10 pieces of p-1.
func open(t *testing.T) (client call.Caller, bus eventbus.Bus) {
	t.Helper()
	db, err := database.Open("", "inventory", inventory.Schema...)
	if err != nil {
		t.Fatal(err)
	}
	bus = eventbus.NewMemory(eventbus.MemoryPolicy{})
	svc := sinew.New("inventory", sinew.Config{Addr: "127.0.0.1:0", Bus: bus})
	t.Cleanup(func() {
		ctx := context.Background()
		if err := errors.Join(svc.Shutdown(ctx), bus.Close(ctx), db.Close()); err != nil {
			t.Error(err)
		}
	})
	if _, err := inventory.New(svc, db); err != nil {
		t.Fatal(err)
	}
	if err := svc.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	client = rest.Remote(svc.URL(), nil)
	if _, err := api.Stock.Endpoint(client)(t.Context(), &api.StockItem{ProductID: "p-1", SKU: "S-1", Quantity: 10}); err != nil {
		t.Fatal(err)
	}
	return client, bus
}

// checkStock checks the stock of p-1.
func checkStock(t *testing.T, client call.Caller, quantity, reserved int) {
	t.Helper()
	i, err := api.GetInventory.Endpoint(client)(t.Context(), &api.ByProduct{ProductID: "p-1"})
	if err != nil || i.Quantity != quantity || i.Reserved != reserved || i.Available != quantity-reserved {
		t.Errorf("there is %+v (%v), want %d with %d reserved", i, err, quantity, reserved)
	}
}

func TestARepeatedHoldReservesOnce(t *testing.T) {
	client, _ := open(t)
	for range 3 {
		if _, err := api.HoldInventory.Endpoint(client)(t.Context(), &api.Hold{ProductID: "p-1", OrderID: "o-1", Quantity: 4}); err != nil {
			t.Fatal(err)
		}
	}
	checkStock(t, client, 10, 4)
	for range 3 {
		if _, err := api.FreeInventory.Endpoint(client)(t.Context(), &api.ByHold{ProductID: "p-1", OrderID: "o-1"}); err != nil {
			t.Fatal(err)
		}
	}
	checkStock(t, client, 10, 0)
}

func TestAHoldThatArrivesAfterItWasFreedIsRefused(t *testing.T) {
	client, _ := open(t)
	if _, err := api.FreeInventory.Endpoint(client)(t.Context(), &api.ByHold{ProductID: "p-1", OrderID: "o-1"}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.HoldInventory.Endpoint(client)(t.Context(), &api.Hold{ProductID: "p-1", OrderID: "o-1", Quantity: 4}); !errors.Is(err, fault.FailedPrecondition) {
		t.Error(err)
	}
	checkStock(t, client, 10, 0)
}

func TestAnOrderIsSettledOnceDespiteRepeatedEvents(t *testing.T) {
	client, bus := open(t)
	hold := api.HoldInventory.Endpoint(client)
	_, err := hold(t.Context(), &api.Hold{ProductID: "p-1", OrderID: "o-1", Quantity: 4})
	_, another := hold(t.Context(), &api.Hold{ProductID: "p-1", OrderID: "o-2", Quantity: 3})
	err = errors.Join(err, another)
	for _, status := range []api.OrderStatus{api.OrderShipped, api.OrderShipped, api.OrderDelivered, api.OrderRefunded} {
		err = errors.Join(err, api.OrderStatusChanged.Publish(t.Context(), bus, api.Order{ID: "o-1", Status: status}))
	}
	err = errors.Join(err, api.OrderStatusChanged.Publish(t.Context(), bus, api.Order{ID: "o-2", Status: api.OrderCancelled}))
	if err = errors.Join(err, bus.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	checkStock(t, client, 6, 0)
}

func TestOutdatedLevelsAreIgnored(t *testing.T) {
	client, _ := open(t)
	restock, later := api.Restock.Endpoint(client), api.StockLevels{ProductID: "p-1", SKU: "new", MinLevel: 2}
	later.AsOf = later.AsOf.AddDate(2000, 0, 1)
	early := api.StockLevels{ProductID: "p-1", SKU: "old", MinLevel: 1, AsOf: later.AsOf.AddDate(0, 0, -1)}
	for _, l := range []api.StockLevels{later, early} {
		got, err := restock(t.Context(), &l)
		if err != nil || got.SKU != "new" || got.MinLevel != 2 {
			t.Errorf("%+v (%v)", got, err)
		}
	}
	later.ProductID = "p-2"
	if _, err := restock(t.Context(), &later); !errors.Is(err, fault.NotFound) {
		t.Errorf("levels made an inventory: %v", err)
	}
}
