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

func TestAShipmentLeavesWhenItsOrderIsProcessedAndNotBefore(t *testing.T) {
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
		events []api.OrderStatus
		due    bool
		status api.ShipmentStatus
	}{
		{"o-1", []api.OrderStatus{api.OrderConfirmed}, false, api.ShipmentPreparing},
		{"o-2", []api.OrderStatus{api.OrderConfirmed, api.OrderConfirmed, api.OrderProcessing, api.OrderProcessing}, true, api.ShipmentPreparing},
		{"o-3", []api.OrderStatus{api.OrderConfirmed, api.OrderCancelled}, false, api.ShipmentCancelled},
		{"o-4", []api.OrderStatus{api.OrderConfirmed, api.OrderRefunded, api.OrderRefunded}, false, api.ShipmentCancelled},
		{"o-5", []api.OrderStatus{api.OrderProcessing}, true, api.ShipmentPreparing},
	} {
		for _, status := range tt.events {
			if err := s.follow(t.Context(), api.Order{ID: tt.id, Status: status}); err != nil {
				t.Error(err)
			}
		}
		found, err := parcels.Where(t.Context(), db, `json_extract(doc, '$.order_id') = ?`, tt.id)
		if err != nil || len(found) != 1 || found[0].Status != tt.status || (found[0].Due > 0) != tt.due {
			t.Errorf("after %v there are %d shipments: %+v (%v)", tt.events, len(found), found, err)
		}
	}
}
