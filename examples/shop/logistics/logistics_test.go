package logistics

import (
	"context"
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAnOrderIsShippedOnceUnlessItEnds(t *testing.T) {
	db, err := database.Open("", "logistics", Schema...)
	if err != nil {
		t.Fatal(err)
	}
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	svc := sinew.New("logistics", sinew.Config{Addr: "127.0.0.1:0", Bus: bus}) // never started: nothing is advanced automatically
	t.Cleanup(func() {
		ctx := context.Background()
		if err := errors.Join(svc.Shutdown(ctx), bus.Close(ctx), db.Close()); err != nil {
			t.Error(err)
		}
	})
	s, err := New(svc, db)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		id     string
		ships  int
		events []api.OrderStatus
		due    bool
		status api.ShipmentStatus
	}{
		{"o-1", 1, nil, true, api.ShipmentPreparing},
		{"o-2", 2, []api.OrderStatus{api.OrderConfirmed, api.OrderProcessing}, true, api.ShipmentPreparing},
		{"o-3", 1, []api.OrderStatus{api.OrderCancelled}, false, api.ShipmentCancelled},
		{"o-4", 1, []api.OrderStatus{api.OrderRefunded, api.OrderRefunded}, false, api.ShipmentCancelled},
	} {
		ids := map[string]bool{}
		for range tt.ships {
			shipment, err := s.ship(t.Context(), &api.ByOrder{OrderID: tt.id})
			if err != nil {
				t.Fatal(err)
			}
			ids[shipment.ID] = true
		}
		for _, status := range tt.events {
			if err := s.follow(t.Context(), api.Order{ID: tt.id, Status: status}); err != nil {
				t.Error(err)
			}
		}
		found, err := parcels.Where(t.Context(), db, `json_extract(doc, '$.order_id') = ?`, tt.id)
		if err != nil || len(ids) != 1 || len(found) != 1 || found[0].Status != tt.status || (found[0].Due > 0) != tt.due {
			t.Errorf("after %v there are %d shipments: %+v (%v)", tt.events, len(found), found, err)
		}
	}
}
