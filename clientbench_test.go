package sinew_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/registry"
)

func BenchmarkClient(b *testing.B) {
	reg := registry.NewMemory()
	for i := range 10 {
		id := strconv.Itoa(i)
		if err := reg.Register(b.Context(), registry.Instance{ID: id, Name: "orders", Endpoint: "http://10.0.0.1" + id + ":80"}); err != nil {
			b.Fatal(err)
		}
	}
	svc := sinew.New("bench", sinew.Config{Registry: reg, Clients: map[string]sinew.ClientPolicy{"orders": {Timeout: time.Second}}})
	defer func() { _ = svc.Shutdown(context.Background()) }()
	c := svc.Client("orders")
	op := endpoint.Operation{Name: "orders.Place", Safe: true}
	send := func(context.Context, string) error { return nil }
	ctx := context.Background()
	_ = c.Call(ctx, op, send)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Call(ctx, op, send); err != nil {
			b.Fatal(err)
		}
	}
}
