package sinew_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
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

func TestAnEventWithAnIDThatNoHeaderTakesCanBeHandledByCalls(t *testing.T) {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	defer func() { _ = bus.Close(context.Background()) }()
	callee := inventory(t, sinew.Config{})
	svc := sinew.New("buyer", local(sinew.Config{Bus: bus, Static: map[string][]string{"inventory": {callee.URL()}}}))
	look := api.GetStock.Endpoint(svc.Client("inventory"))
	requests, calls := make(chan string, 1), make(chan error, 1)
	_ = api.LowStock.Handle(svc, "g", func(ctx context.Context, _ StockEvent) error {
		if endpoint.OutgoingOf(ctx) != nil {
			t.Error("what the handler calls would be recorded as the event")
		}
		requests <- endpoint.CallOf(ctx).RequestID
		_, err := look(ctx, &StockRequest{ProductID: "p-1"})
		calls <- err
		return nil
	})
	start(t, svc)
	for id, keeps := range map[string]bool{"e-1": true, "line\nbreak": false, "ünicode": false, strings.Repeat("x", 129): false} {
		if err := svc.Publish(t.Context(), api.LowStock.Name, eventbus.Event{ID: id, Data: []byte(`{}`)}); err != nil {
			t.Fatal(err)
		}
		if got := <-requests; (got == id) != keeps || got == "" {
			t.Errorf("the event %q is handled as request %q", id, got)
		}
		if err := <-calls; err != nil {
			t.Errorf("a call while %q is handled: %v", id, err)
		}
	}
}
