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
	for name, give := range map[string]func(){
		"a topic's handler":                 func() { _ = topic.Handle(bus, "g", nil) },
		"a topic's subscriber":              func() { _ = topic.Handle((*eventbus.Memory)(nil), "g", handle) },
		"a topic's publisher":               func() { topic.Endpoint(nil) },
		"DeadLetter's bus":                  func() { eventbus.DeadLetter((*eventbus.Memory)(nil), "dead") },
		"DeadLetter's topic":                func() { eventbus.DeadLetter(bus, "") },
		"DeadLetter's which":                func() { eventbus.DeadLetter(bus, "dead", eventbus.Hopeless, nil) },
		"Dedupe's store":                    func() { eventbus.Dedupe(nil, "g") },
		"Keyed's store":                     func() { idempotency.Middleware[string, string]((*idempotency.Memory)(nil)) },
		"Fallback's function":               func() { endpoint.Fallback[string, string](nil) },
		"a route's caller":                  func() { route.Endpoint((*sinew.Client)(nil)) },
		"a forwarded route's caller":        func() { route.Forward(svc, nil) },
		"Problems' mux":                     func() { rest.ProblemMux(nil) },
		"a registerer":                      func() { metrics.New((*prometheus.Registry)(nil)) },
		"a breaker":                         func() { breaker.Middleware((*breaker.Circuit)(nil)) },
		"a resolver's discoverer":           func() { registry.NewResolver((*registry.Memory)(nil), registry.ResolverPolicy{}) },
		"a tracer":                          func() { tracing.Middleware((*tracing.Recorder)(nil), "x", tracing.Client) },
		"a watcher":                         func() { settings.Watch(nil) },
		"who hears of refusals":             func() { settings.OnRefused(nil) },
		"what a middleware of Use returned": func() { wrappedInNothing().Handler() },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if text, ok := recover().(string); !ok || !strings.Contains(text, "nil") {
					t.Errorf("it is taken, or the panic names nothing: %q", text)
				}
			}()
			give()
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
