package e2e_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/idempotency"
	"github.com/sinew-go/sinew/metrics"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

// A nil part is reported where the program is assembled, not at the first request or,
// in an event handler, at each delivery.
func TestANilPartPanicsWhereItIsGiven(t *testing.T) {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	topic := eventbus.Topic[string]{Name: "t"}
	route := rest.Route[*struct{}, *struct{}]{Pattern: "POST /x"}
	svc := sinew.New("a", sinew.Config{Bus: bus})
	settings, err := config.Load(struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(settings.Close(), svc.Shutdown(context.Background()), bus.Close(context.Background())); err != nil {
			t.Error(err)
		}
	})
	handle := func(context.Context, string) error { return nil }
	for _, c := range []struct {
		name string
		give func()
	}{
		{name: "a topic's handler", give: func() { _ = topic.Handle(bus, "g", nil) }},
		{name: "a topic's subscriber", give: func() { _ = topic.Handle((*eventbus.Memory)(nil), "g", handle) }},
		{name: "a topic's publisher", give: func() { topic.Endpoint(nil) }},
		{name: "DeadLetter's bus", give: func() { eventbus.DeadLetter((*eventbus.Memory)(nil), "dead") }},
		{name: "DeadLetter's topic", give: func() { eventbus.DeadLetter(bus, "") }},
		{name: "DeadLetter's which", give: func() { eventbus.DeadLetter(bus, "dead", eventbus.Hopeless, nil) }},
		{name: "Dedupe's store", give: func() { eventbus.Dedupe(nil, "g") }},
		{name: "Keyed's store", give: func() { idempotency.Middleware[string, string]((*idempotency.Memory)(nil)) }},
		{name: "Fallback's function", give: func() { endpoint.Fallback[string, string](nil) }},
		{name: "a route's caller", give: func() { route.Endpoint((*sinew.Client)(nil)) }},
		{name: "a forwarded route's caller", give: func() { route.Forward(svc, nil) }},
		{name: "a forwarded route's client", give: func() { route.Forward(svc, (*sinew.Client)(nil)) }},
		{name: "a forwarded route's mux", give: func() { route.Forward((*sinew.Service)(nil), rest.Remote("http://127.0.0.1", nil)) }},
		{name: "a route's mux", give: func() {
			route.Handle((*sinew.Service)(nil), func(context.Context, *struct{}) (*struct{}, error) { return nil, nil })
		}},
		{name: "a prefix's mux", give: func() { rest.Prefix("/v1").Mux((*sinew.Service)(nil)) }},
		{name: "a prefix's caller", give: func() { rest.Prefix("/v1").Caller((*sinew.Client)(nil)) }},
		{name: "the codecs' mux", give: func() { rest.Codecs{}.Mux((*sinew.Service)(nil)) }},
		{name: "the codecs' caller", give: func() { rest.Codecs{}.Caller((*sinew.Client)(nil)) }},
		{name: "a security's mux", give: func() { new(rest.Security).Mux((*sinew.Service)(nil)) }},
		{name: "Problems' mux", give: func() { rest.ProblemMux(nil) }},
		{name: "a registerer", give: func() { metrics.New((*prometheus.Registry)(nil)) }},
		{name: "a breaker", give: func() { breaker.Middleware((*breaker.Circuit)(nil)) }},
		{name: "a resolver's discoverer", give: func() { registry.NewResolver((*registry.Memory)(nil), registry.ResolverPolicy{}) }},
		{name: "a tracer", give: func() { tracing.Middleware((*tracing.Recorder)(nil), "x", tracing.Client) }},
		{name: "a watcher", give: func() { settings.Watch(nil) }},
		{name: "who hears of refusals", give: func() { settings.OnRefused(nil) }},
		{name: "what a middleware of Use returned", give: func() { wrappedInNothing().Handler() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if text, ok := recover().(string); !ok || !strings.Contains(text, "nil") {
					t.Errorf("it is taken, or the panic names nothing: %q", text)
				}
			}()
			c.give()
		})
	}
	if _, err := svc.Subscribe("t", "g", nil); !errors.Is(err, fault.InvalidArgument) {
		t.Errorf("a nil handler is subscribed: %v", err)
	}
	if _, err := config.Load(struct{}{}, config.FromStore((*config.Memory)(nil), "a", "")); !errors.Is(err, fault.InvalidArgument) {
		t.Errorf("a store that is nil: %v", err)
	}
}

func wrappedInNothing() *sinew.Service {
	svc := sinew.New("a", sinew.Config{})
	svc.Use(func(http.Handler) http.Handler { return nil })
	return svc
}
