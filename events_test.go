package sinew_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/tracing"
)

func TestEventsCarryTheTrace(t *testing.T) {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	spans := &tracing.Recorder{}
	svc := sinew.New("inventory", local(sinew.Config{Bus: bus, Tracer: spans}))
	got := make(chan tracing.SpanContext, 1)
	_ = api.LowStock.Handle(svc, "g", func(ctx context.Context, _ StockEvent) error {
		got <- tracing.SpanContextOf(ctx)
		return nil
	})
	start(t, svc)
	ctx, root := spans.Start(t.Context(), "root", tracing.Internal)
	if err := api.LowStock.Publish(ctx, svc, StockEvent{}); err != nil {
		t.Fatal(err)
	}
	if handled := <-got; handled.TraceID != root.Context().TraceID {
		t.Errorf("handled in trace %s of %s", handled.TraceID, root.Context().TraceID)
	}
	_ = svc.Shutdown(t.Context())
	_ = bus.Close(t.Context())
	nobus := client(t, sinew.Config{})
	if err := api.LowStock.Publish(ctx, nobus, StockEvent{}); !errors.Is(err, fault.FailedPrecondition) || !strings.Contains(err.Error(), "Config.Bus") {
		t.Error(err)
	}
}
