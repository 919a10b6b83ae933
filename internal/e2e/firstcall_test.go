package e2e_test

import (
	"context"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/registry"
)

func TestTheWaitForTheRegistryIsNotCountedAsLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := registry.NewMemory()
		shop := servicetest.New(t, sinew.Config{Registry: slowRegistry{reg, time.Second}})
		if err := reg.Register(t.Context(), registry.Instance{ID: "i-1", Name: "inventory", Endpoint: "http://10.0.0.1:80"}); err != nil {
			t.Fatal(err)
		}
		c := shop.Client("inventory")
		begun := time.Now()
		if err := c.Call(t.Context(), call.Operation{Name: "op", Safe: true}, func(context.Context, string) error {
			bubble.Sleep(5 * time.Millisecond)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took < time.Second {
			t.Fatalf("it did not wait: %s", took)
		}
		if got := c.Snapshot().Balance.Instances[0].Latency; got > 0.006 {
			t.Errorf("its instance is said to take %v s", got)
		}
	})
}

// slowRegistry is a registry that answers a watch late.
type slowRegistry struct {
	*registry.Memory
	after time.Duration
}

// Watch implements registry.Discoverer.
func (l slowRegistry) Watch(ctx context.Context, name string) iter.Seq2[[]registry.Instance, error] {
	return func(yield func([]registry.Instance, error) bool) {
		select {
		case <-time.After(l.after):
		case <-ctx.Done():
			return
		}
		l.Memory.Watch(ctx, name)(yield)
	}
}
