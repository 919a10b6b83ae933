package sinew_test

import (
	"context"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/registry"
)

func TestACallAllocatesLittle(t *testing.T) {
	reg := registry.NewMemory()
	for _, id := range []string{"i-1", "i-2", "i-3"} {
		if err := reg.Register(t.Context(), registry.Instance{ID: id, Name: "inventory", Endpoint: "http://10.0.0.1:80"}); err != nil {
			t.Fatal(err)
		}
	}
	c := servicetest.New(t, sinew.Config{Registry: reg}).Client("inventory")
	ctx := t.Context()
	op := endpoint.Operation{Name: "GET /inventory/{product_id}", Safe: true}
	send := func(context.Context, string) error { return nil }
	call := func() {
		if err := c.Call(ctx, op, send); err != nil {
			t.Error(err)
		}
	}
	call() // the first waits for the registry
	if got := testing.AllocsPerRun(1000, call); got > 1 {
		t.Errorf("%v allocations of a call, want 1 at most", got)
	}
}
