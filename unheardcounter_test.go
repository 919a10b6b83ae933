package sinew_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/internal/servicetest/api"
)

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
