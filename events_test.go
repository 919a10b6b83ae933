package sinew_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/bubble"
	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/internal/servicetest/api"
	"github.com/sinew-go/sinew/tracing"
)

func TestEventsCarryTheTrace(t *testing.T) {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	spans := &tracing.Recorder{}
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Bus: bus, Tracer: spans}))
	got := make(chan tracing.SpanContext, 1)
	_ = api.LowStock.Handle(svc, "g", func(ctx context.Context, _ api.StockEvent) error {
		got <- tracing.SpanContextOf(ctx)
		return nil
	})
	servicetest.Start(t, svc)
	ctx, root := spans.Start(t.Context(), "root", tracing.Internal)
	if err := api.LowStock.Publish(ctx, svc, api.StockEvent{}); err != nil {
		t.Fatal(err)
	}
	if handled := <-got; handled.TraceID != root.Context().TraceID {
		t.Errorf("handled in trace %s of %s", handled.TraceID, root.Context().TraceID)
	}
	_ = svc.Shutdown(t.Context())
	_ = bus.Close(t.Context())
	nobus := servicetest.New(t, sinew.Config{})
	if err := api.LowStock.Publish(ctx, nobus, api.StockEvent{}); !errors.Is(err, fault.FailedPrecondition) || !strings.Contains(err.Error(), "Config.Bus") {
		t.Error(err)
	}
}

func TestAHandlerCanMakeCallsForAnEventWhoseIDFitsNoHeader(t *testing.T) {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	defer func() { _ = bus.Close(context.Background()) }()
	callee := servicetest.StartInventory(t, sinew.Config{})
	svc := sinew.New("buyer", servicetest.Local(sinew.Config{Bus: bus, Static: map[string][]string{"inventory": {callee.URL()}}}))
	getStock := api.GetStock.Endpoint(svc.Client("inventory"))
	requests, calls := make(chan string, 1), make(chan error, 1)
	_ = api.LowStock.Handle(svc, "g", func(ctx context.Context, _ api.StockEvent) error {
		if callctx.RecordOf(ctx) != nil {
			t.Error("what the handler calls would be recorded as the event")
		}
		requests <- call.Of(ctx).RequestID
		_, err := getStock(ctx, &api.StockRequest{ProductID: "p-1"})
		calls <- err
		return nil
	})
	servicetest.Start(t, svc)
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

func TestEventsHaveSeriesOfTheirOwn(t *testing.T) {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	defer func() { _ = bus.Close(context.Background()) }()
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Bus: bus}))
	handled := make(chan error, 2)
	_ = api.LowStock.Handle(svc, "g", func(context.Context, api.StockEvent) error {
		handled <- nil
		return nil
	})
	servicetest.Start(t, svc)
	for range 2 {
		if err := api.LowStock.Publish(t.Context(), svc, api.StockEvent{}); err != nil {
			t.Fatal(err)
		}
		<-handled
	}
	_ = svc.Shutdown(t.Context()) // after it, every handled event is observed
	for prefix, want := range map[string]string{
		"sinew_producer_events_total":                 `{code="ok",service="inventory",topic="inventory.low_stock"} 2`,
		"sinew_consumer_events_total":                 `{code="ok",group="g",service="inventory",topic="inventory.low_stock"} 2`,
		"sinew_producer_event_duration_seconds_count": `{service="inventory",topic="inventory.low_stock"} 2`,
		"sinew_consumer_event_duration_seconds_count": `{code="ok",group="g",service="inventory",topic="inventory.low_stock"} 2`,
	} {
		if got := servicetest.Series(svc, prefix); len(got) != 1 || got[0] != prefix+want {
			t.Errorf("%q", got)
		}
	}
	for _, side := range []string{"client", "server"} {
		if got := servicetest.Series(svc, "sinew_"+side+"_requests_total"); len(got) != 0 {
			t.Errorf("events are counted as requests: %q", got)
		}
	}
}

func TestAServicePublishesLaterWhatItsBusCan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
		svc := sinew.New("inventory", sinew.Config{Listener: servicetest.NewPipe(), Logger: servicetest.NoLog, Bus: bus})
		due := time.Now().Add(time.Hour)
		var got []eventbus.Event
		_, err := svc.Subscribe(api.LowStock.Name, "g", func(_ context.Context, e eventbus.Event) error {
			if early := time.Until(due); early > 0 {
				t.Errorf("it came %s too early", early)
			}
			got = append(got, e)
			return nil
		})
		servicetest.Start(t, svc)
		if err = errors.Join(err, api.LowStock.PublishAt(t.Context(), svc, due, api.StockEvent{})); err != nil {
			t.Fatal(err)
		}
		bubble.Sleep(2 * time.Hour)
		_ = svc.Shutdown(t.Context())
		_ = bus.Close(t.Context())
		if len(got) != 1 || got[0].Source != "inventory" || got[0].Extensions["traceparent"] == "" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestFailuresOfEventsAreInTheMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
		svc := sinew.New("inventory", sinew.Config{Listener: servicetest.NewPipe(), Logger: servicetest.NoLog, Bus: bus})
		leave, tries := make(chan struct{}), 0
		_ = api.LowStock.Handle(svc, "mailer", func(context.Context, api.StockEvent) error {
			<-leave
			if tries++; tries < 3 {
				return fault.Unavailable.Errorf("not yet")
			}
			return fault.InvalidArgument.Errorf("never")
		}, eventbus.DeadLetter(bus, "dead", eventbus.Hopeless))
		servicetest.Start(t, svc)
		if err := api.LowStock.Publish(t.Context(), svc, api.StockEvent{}); err != nil {
			t.Fatal(err)
		}
		bubble.Sleep(3 * time.Second)
		labels := `{group="mailer",service="inventory",topic="inventory.low_stock"} `
		expect := func(when string, want map[string]string) {
			t.Helper()
			for name, value := range want {
				if got := servicetest.Series(svc, name); len(got) != 1 || got[0] != name+labels+value {
					t.Errorf("%s: %q, want %s", when, got, name+labels+value)
				}
			}
		}
		expect("while the handler hangs", map[string]string{
			"sinew_consumer_lag_events": "1", "sinew_consumer_lag_seconds": "3",
			"sinew_consumer_redeliveries_total": "0", "sinew_consumer_dead_letters_total": "0",
		})
		close(leave)
		bubble.Sleep(time.Minute)
		expect("after the last failure", map[string]string{
			"sinew_consumer_lag_events": "0", "sinew_consumer_lag_seconds": "0",
			"sinew_consumer_redeliveries_total": "2", "sinew_consumer_dead_letters_total": "1",
		})
		_ = svc.Shutdown(t.Context())
		_ = bus.Close(t.Context())
	})
}

func TestEventsCarryAnUndecidedSamplingDecision(t *testing.T) {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	defer func() { _ = bus.Close(context.Background()) }()
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Bus: bus})) // its tracer does not decide
	got := make(chan tracing.SpanContext, 1)
	_ = api.LowStock.Handle(svc, "g", func(ctx context.Context, _ api.StockEvent) error {
		got <- tracing.SpanContextOf(ctx)
		return nil
	})
	servicetest.Start(t, svc)
	sent := tracing.SpanContext{TraceID: tracing.TraceID{1}, SpanID: tracing.SpanID{2}, Undecided: true}
	if err := api.LowStock.Publish(tracing.ContextWithSpan(t.Context(), sent), svc, api.StockEvent{}); err != nil {
		t.Fatal(err)
	}
	if handled := <-got; handled.TraceID != sent.TraceID || !handled.Undecided {
		t.Errorf("handled in %+v", handled)
	}
}

func TestTheSourceOfAnEventIsTheServiceUnlessItSaysOtherwise(t *testing.T) {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	defer func() { _ = bus.Close(context.Background()) }()
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Bus: bus}))
	events, callers := make(chan eventbus.Event, 1), make(chan string, 1)
	if _, err := svc.Subscribe(api.LowStock.Name, "g", func(ctx context.Context, e eventbus.Event) error {
		events <- e
		callers <- call.Of(ctx).From
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	servicetest.Start(t, svc)
	for want, publish := range map[string]func() error{
		"inventory": func() error { return api.LowStock.Publish(t.Context(), svc, api.StockEvent{ProductID: "p-1"}) },
		"elsewhere": func() error {
			return svc.Publish(t.Context(), api.LowStock.Name, eventbus.Event{Source: "elsewhere", Data: []byte(`{}`)})
		},
	} {
		if err := publish(); err != nil {
			t.Fatal(err)
		}
		if e, from := <-events, <-callers; e.Source != want || from != want {
			t.Errorf("an event of %s has the source %q and is handled as a call from %q", want, e.Source, from)
		}
	}
}

func TestPublishDoesNotModifyItsCallersEvents(t *testing.T) {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	defer func() { _ = bus.Close(context.Background()) }()
	svc := servicetest.New(t, sinew.Config{Bus: bus})
	mine := []eventbus.Event{{ID: "e-1", Data: []byte(`{}`), Extensions: map[string]string{"tenant": "a"}}}
	if err := svc.Publish(t.Context(), "x", mine...); err != nil {
		t.Fatal(err)
	}
	if e := mine[0]; e.Source != "" || len(e.Extensions) != 1 {
		t.Errorf("%+v", e)
	}
}

func TestEventsWithoutSubscribersAreCounted(t *testing.T) {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	defer func() { _ = bus.Close(context.Background()) }()
	svc := servicetest.New(t, sinew.Config{Bus: bus})
	if _, err := bus.Subscribe("heard", "g", func(context.Context, eventbus.Event) error { return nil }); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		for _, topic := range []string{"heard", "order.dead"} {
			if err := svc.Publish(t.Context(), topic, eventbus.Event{}, eventbus.Event{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := servicetest.Series(svc, "sinew_producer_unheard_events_total"); len(got) != 1 || got[0] != `sinew_producer_unheard_events_total{service="shop",topic="order.dead"} 6` {
		t.Errorf("%q", got)
	}
	for i := range 3000 {
		_ = svc.Publish(t.Context(), fmt.Sprint("topic-", i), eventbus.Event{})
	}
	if got := servicetest.Series(svc, "sinew_producer_unheard_events_total"); len(got) != 1001 {
		t.Errorf("%d series", len(got))
	}
	broker := servicetest.New(t, sinew.Config{Bus: struct{ eventbus.Bus }{bus}}) // a broker may store events for later subscribers
	_ = broker.Publish(t.Context(), "order.dead", eventbus.Event{})
	if got := servicetest.Series(broker, "sinew_producer_unheard_events_total"); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

func TestABusLogsToTheServicesLogger(t *testing.T) {
	var own, other bytes.Buffer
	before := slog.Default()
	defer slog.SetDefault(before)
	slog.SetDefault(slog.New(slog.NewTextHandler(&other, nil)))
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{Backoff: time.Millisecond})
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Bus: struct{ eventbus.Bus }{bus}, Logger: slog.New(slog.NewTextHandler(&own, nil))}))
	tries := 0
	_ = api.LowStock.Handle(svc, "g", func(context.Context, api.StockEvent) error {
		switch tries++; tries {
		case 1:
			return errors.New("not yet")
		case 2:
			panic("oops")
		}
		return nil
	})
	servicetest.Start(t, svc)
	err := api.LowStock.Publish(t.Context(), svc, api.StockEvent{})
	if err = errors.Join(err, bus.Close(t.Context()), svc.Shutdown(t.Context())); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"will be delivered again", "handler panicked"} {
		if !strings.Contains(own.String(), line) {
			t.Errorf("no %q in %s", line, &own)
		}
	}
	if other.Len() > 0 {
		t.Errorf("slog.Default() has %s", &other)
	}
}
