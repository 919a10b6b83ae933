package sinew_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/idempotency"
	"github.com/sinew-go/sinew/internal/servicetest/api"
	"github.com/sinew-go/sinew/internal/servicetest/stock"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/registry/consul"
	"github.com/sinew-go/sinew/retry"
)

// What README and docs show is taken from here, and TestREADMEAndDocsShowCodeThatCompiles
// holds them to that.

var Placed = eventbus.Topic[Order]{Name: "order.placed", Key: func(o Order) string { return o.ID }}

type Order struct {
	ID    string `json:"id"`
	Total int    `json:"total"`
}

func tourOfServices() error {
	reg, err := consul.New(consul.Config{Address: "127.0.0.1:8500"})
	if err != nil {
		return err
	}
	svc := sinew.New("inventory", sinew.Config{Version: "1.4.0", Registry: reg})
	svc.AddReadinessCheck("orders", svc.Client("orders").Ready)
	api.Reserve.Handle(svc, stock.Reserve, limit.Concurrency{Max: 100}.Middleware())
	svc.Main() // listen, get ready, register; drain on SIGTERM
	return nil
}

func tourOfTelemetry(settings *config.Value[struct{}]) {
	svc := sinew.New("inventory", sinew.Config{
		Admin:      ":9090", // /metrics and /readyz, for whoever reaches it
		AccessLog:  true,
		Metrics:    prometheus.DefaultRegisterer,
		Settings:   settings,                                                       // a series tells when a reload was refused
		AdminPages: map[string]http.Handler{"/debug/pprof/": http.DefaultServeMux}, // with import _ "net/http/pprof"
	})
	svc.Main()
}

func tourOfErrors(ctx context.Context, reserve endpoint.Endpoint[*api.ReserveRequest, *api.Inventory]) {
	_, err := reserve(ctx, &api.ReserveRequest{ProductID: "p-9", Quantity: 2})
	switch {
	case errors.Is(err, fault.NotFound): // the callee's error, as itself
	case fault.ReasonOf(err) == "insufficient_stock":
	case errors.Is(err, fault.Unavailable): // down, overloaded, or its breaker is open
	}
}

func tourOfPolicies() error {
	var p sinew.ClientPolicy
	if err := json.Unmarshal([]byte(`{
		"timeout": "2s",
		"retry":   {"attempts": 3, "budget": {"percent": 10}},
		"breaker": {"failure_percent": 30, "timeout": "5s"},
		"balance": {"algorithm": "round_robin"}
	}`), &p); err != nil {
		return err
	}
	svc := sinew.New("shop", sinew.Config{Clients: map[string]sinew.ClientPolicy{"inventory": p}})
	return svc.Client("inventory").Set(p) // again, while calls go on
}

func tourOfEvents(ctx context.Context, bus eventbus.Bus, send func(context.Context, Order) error) error {
	err := Placed.Handle(bus, "mailer", send,
		eventbus.Dedupe(idempotency.NewMemory(), "mailer"),
		eventbus.DeadLetter(bus, "order.dead", eventbus.Hopeless),
		eventbus.RetryPolicy{Attempts: 3}.Middleware(),
	)
	return errors.Join(err, Placed.Publish(ctx, bus, Order{ID: "o-7", Total: 30}))
}

type Settings struct {
	Addr    string         `json:"addr"`
	Timeout time.Duration  `json:"timeout"`
	Breaker breaker.Policy `json:"breaker"`
}

func tourOfConfig(orders *breaker.Circuit) error {
	settings, err := config.Load(Settings{Addr: ":8080", Timeout: time.Second},
		config.File("orders.yaml"),
		config.Env("ORDERS"),
		config.Flags(flag.CommandLine),
	)
	if err != nil {
		return err
	}
	settings.Watch(func(_, now *Settings) { _ = orders.Set(now.Breaker) })
	return settings.Close()
}

func tourOfGoKit(place endpoint.Endpoint[*api.ReserveRequest, *api.Inventory], theirs endpoint.Middleware, log *slog.Logger) {
	ep := place.With(theirs, endpoint.Recover(log), retry.Policy{}.Middleware(), breaker.Policy{}.Middleware())
	kit := ep.Kit()                                                    // for any go-kit transport
	back := endpoint.FromKit[*api.ReserveRequest, *api.Inventory](kit) // and back, typed
	_ = back
}

func tourOfFailures(ctx context.Context, reserve endpoint.Endpoint[*api.ReserveRequest, *api.Inventory], request *api.ReserveRequest) error {
	ctx, why := sinew.Explain(ctx)
	_, err := reserve(ctx, request)
	log.Print(why)
	return err
}

func tourOfDoubts(t *testing.T, policy sinew.ClientPolicy) {
	for _, warning := range policy.Review().Warnings {
		t.Error(warning)
	}
}

func ExampleClient() {
	reg := registry.NewMemory()
	svc := sinew.New("shop", sinew.Config{Registry: reg, Logger: slog.New(slog.DiscardHandler)})
	defer svc.Shutdown(context.Background())

	err := svc.Client("inventory").Ready(context.Background())
	fmt.Println(errors.Is(err, fault.Unavailable))
	_, _, _, _, _, _ = tourOfServices, tourOfErrors, tourOfPolicies, tourOfEvents, tourOfConfig, tourOfGoKit
	_, _, _ = tourOfFailures, tourOfDoubts, tourOfTelemetry
	_ = endpoint.None{}
	// Output: true
}
