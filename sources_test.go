package sinew_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/internal/servicetest/api"
	"github.com/sinew-go/sinew/registry"
)

func TestTheSourceOfAnEventIsTheServiceUnlessItSaysOtherwise(t *testing.T) {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	defer func() { _ = bus.Close(context.Background()) }()
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Bus: bus}))
	events, callers := make(chan eventbus.Event, 1), make(chan string, 1)
	if _, err := svc.Subscribe(api.LowStock.Name, "g", func(ctx context.Context, e eventbus.Event) error {
		events <- e
		callers <- endpoint.CallOf(ctx).From
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

func TestStaticNamesUseTheirAddressesAndOthersTheRegistry(t *testing.T) {
	reg := registry.NewMemory()
	for _, name := range []string{"inventory", "order"} {
		if err := reg.Register(t.Context(), registry.Instance{ID: name + "-1", Name: name, Endpoint: "http://10.0.0.9:80"}); err != nil {
			t.Fatal(err)
		}
	}
	fixed := httptest.NewServer(http.NotFoundHandler())
	defer fixed.Close()
	shop := servicetest.New(t, sinew.Config{Registry: reg, Static: map[string][]string{"inventory": {fixed.URL}}})
	for name, want := range map[string]string{"inventory": fixed.URL, "order": "http://10.0.0.9:80"} {
		for range 10 {
			err := shop.Client(name).Call(t.Context(), endpoint.Operation{Name: "op"}, func(_ context.Context, addr string) error {
				if addr != want {
					t.Errorf("%s is called at %s, want %s", name, addr, want)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
		if err := shop.Client(name).Ready(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"inventory", "order"} {
		if err := reg.Deregister(t.Context(), name+"-1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := shop.Client("inventory").Ready(t.Context()); err != nil {
		t.Errorf("a fixed address has gone with a registration: %v", err)
	}
	if err := shop.Client("nobody").Ready(t.Context()); !errors.Is(err, fault.Unavailable) {
		t.Errorf("nobody is ready: %v", err)
	}
}
