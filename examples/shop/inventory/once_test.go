package inventory_test

import (
	"context"
	"errors"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/examples/shop/inventory"
	"github.com/sinew-go/sinew/idempotency"
)

func TestWhatIsReservedByOneKeyIsReservedOnceThoughTheProcessDies(t *testing.T) {
	db, err := database.Open("", "inventory", inventory.Schema...)
	if err != nil {
		t.Fatal(err)
	}
	bus, keys := eventbus.NewMemory(eventbus.MemoryPolicy{}), idempotency.SQL{DB: db}
	svc := sinew.New("inventory", sinew.Config{Bus: bus, Idempotency: keys})
	t.Cleanup(func() {
		ctx := context.Background()
		if err := errors.Join(svc.Shutdown(ctx), bus.Close(ctx), db.Close()); err != nil {
			t.Error(err)
		}
	})
	s, err := inventory.New(svc, db)
	if err := errors.Join(err, keys.Create(t.Context())); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `INSERT INTO inventory (product_id, sku, quantity, min_level, max_level, last_updated) VALUES ('p-1', 'S-1', 10, 0, 0, 0)`); err != nil {
		t.Fatal(err)
	}
	died := errors.New("the process dies before the answer is kept")
	for _, key := range []string{"k-1", "k-2"} {
		use := endpoint.New(func(ctx context.Context, n int) (*api.Inventory, error) {
			return nil, errors.Join(s.ReserveInventory(ctx, "p-1", n), died)
		}).With(idempotency.Middleware[int, *api.Inventory](keys))
		for i := range 3 {
			ctx := call.With(t.Context(), call.Record{IdempotencyKey: key})
			got, err := use(ctx, 4)
			if i == 0 && !errors.Is(err, died) || i > 0 && (err != nil || got.Reserved%4 != 0) {
				t.Errorf("%s, use %d: %+v, %v", key, i, got, err)
			}
		}
	}
	if i, err := s.GetInventory(t.Context(), "p-1"); err != nil || i.Reserved != 8 {
		t.Errorf("%+v (%v), want 4 reserved for each key", i, err)
	}
}
