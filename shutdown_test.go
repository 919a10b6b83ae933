package sinew_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/internal/servicetest/api"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/transport/rest"
)

// cutOff calls Shutdown, cancels it while something does not end, and returns its error.
func cutOff(t *testing.T, svc *sinew.Service) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- svc.Shutdown(ctx) }()
	cancel()
	select {
	case err := <-result:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("Shutdown does not heed its context")
		return nil
	}
}

// stubborn is a registry that ignores contexts until it is released.
type stubborn struct {
	registry.Registry
	release chan struct{}
}

func (s stubborn) Deregister(ctx context.Context, id string) error {
	<-s.release
	return s.Registry.Deregister(ctx, id)
}

// deaf is a bus whose subscriptions do not end until it is released.
type deaf struct {
	eventbus.Bus
	release chan struct{}
}

func (d deaf) Subscribe(topic, group string, h eventbus.Handler) (func(context.Context) error, error) {
	stop, err := d.Bus.Subscribe(topic, group, h)
	return func(ctx context.Context) error {
		<-d.release
		return stop(ctx)
	}, err
}

func TestShutdownEndsWithItsContextAndNamesWhatDidNot(t *testing.T) {
	for want, set := range map[string]func(c *sinew.Config, release chan struct{}) func(*sinew.Service){
		"background job": func(_ *sinew.Config, release chan struct{}) func(*sinew.Service) {
			return func(svc *sinew.Service) { svc.Go(func(context.Context) { <-release }) }
		},
		"TestShutdownEndsWithItsContextAndNamesWhatDidNot": func(_ *sinew.Config, release chan struct{}) func(*sinew.Service) {
			return func(svc *sinew.Service) { svc.Go(func(context.Context) { <-release }) } // the job is named after its function
		},
		"registry": func(c *sinew.Config, release chan struct{}) func(*sinew.Service) {
			c.Registry, c.Advertise = stubborn{registry.NewMemory(), release}, advertised
			return func(*sinew.Service) {}
		},
		"inventory.low_stock": func(c *sinew.Config, release chan struct{}) func(*sinew.Service) {
			c.Bus = deaf{c.Bus, release}
			return func(svc *sinew.Service) {
				_ = api.LowStock.Handle(svc, "g", func(context.Context, api.StockEvent) error { return nil })
			}
		},
	} {
		release := make(chan struct{})
		bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
		c := sinew.Config{Bus: bus}
		use := set(&c, release)
		svc := sinew.New("inventory", servicetest.Local(c))
		use(svc)
		if err := svc.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := cutOff(t, svc)
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "inventory") {
			t.Errorf("%s: %v", want, err)
		}
		if again := svc.Shutdown(t.Context()); again == nil || again.Error() != err.Error() {
			t.Errorf("the second call says %v", again)
		}
		close(release)
		_ = bus.Close(context.Background())
	}
}

func TestShutdownEndsWithItsContextWhileAReadinessCheckHangs(t *testing.T) {
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{}))
	begun, release := make(chan struct{}), make(chan struct{})
	svc.AddReadinessCheck("database", func(context.Context) error {
		close(begun)
		<-release
		return nil
	})
	started := make(chan error, 1)
	go func() { started <- svc.Start(t.Context()) }()
	<-begun
	if err := cutOff(t, svc); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "readiness check database") {
		t.Error(err)
	}
	if err := <-started; err == nil {
		t.Error("Start says that it is ready")
	}
	close(release)
}

func TestShutdownCutsRequestsOffWhenItsContextEnds(t *testing.T) {
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{}))
	entered, left := make(chan struct{}), make(chan error, 1)
	rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /hang"}.Handle(svc, func(ctx context.Context, _ endpoint.None) (endpoint.None, error) {
		close(entered)
		<-ctx.Done()
		left <- ctx.Err()
		return endpoint.None{}, nil
	})
	servicetest.Start(t, svc)
	shop := servicetest.New(t, sinew.Config{Static: map[string][]string{"inventory": {svc.URL()}}})
	answer := make(chan error, 1)
	go func() {
		_, err := rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /hang"}.Endpoint(shop.Client("inventory"))(t.Context(), endpoint.None{})
		answer <- err
	}()
	<-entered
	if err := cutOff(t, svc); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "cut off") || !strings.Contains(err.Error(), "inventory") {
		t.Error(err)
	}
	if err := <-left; err == nil {
		t.Error("the handler's context lives on")
	}
	if err := <-answer; !errors.Is(err, fault.Unavailable) {
		t.Errorf("the caller got %v", err)
	}
}

func TestTasksThatObserveTheirContextEndEvenIfShutdownHasNoTimeLeft(t *testing.T) {
	reg := registry.NewMemory()
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Registry: reg}))
	ended := make(chan struct{})
	svc.Go(func(ctx context.Context) {
		<-ctx.Done()
		close(ended)
	})
	servicetest.Start(t, svc)
	none, cancel := context.WithCancel(t.Context())
	cancel()
	if err := svc.Shutdown(none); err != nil {
		t.Error(err)
	}
	<-ended
	if left, err := reg.Services(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("still registered: %v %v", left, err)
	}
}

func TestShutdownsContextCutsTheDrainDelayShort(t *testing.T) {
	svc := servicetest.StartInventory(t, sinew.Config{DrainDelay: time.Hour})
	if err := cutOff(t, svc); err != nil {
		t.Errorf("nothing was cut off: %v", err)
	}
}

func TestASecondShutdownWaitsNoLongerThanItsOwnContext(t *testing.T) {
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{}))
	stopping, release := make(chan struct{}), make(chan struct{})
	svc.Go(func(ctx context.Context) {
		<-ctx.Done()
		close(stopping)
		<-release
	})
	servicetest.Start(t, svc)
	first := make(chan error, 1)
	go func() { first <- svc.Shutdown(t.Context()) }()
	<-stopping
	if err := cutOff(t, svc); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "inventory") {
		t.Error(err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if err := svc.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestShutdownLogsEachStep(t *testing.T) {
	log := &logbook{}
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	defer func() { _ = bus.Close(context.Background()) }()
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Logger: log.logger(slog.LevelInfo), Registry: registry.NewMemory(), Bus: bus}))
	svc.Go(func(ctx context.Context) { <-ctx.Done() })
	_ = api.LowStock.Handle(svc, "g", func(context.Context, api.StockEvent) error { return nil })
	servicetest.Start(t, svc)
	if err := svc.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, message := range []string{"shutting down", "deregistered", "requests are answered", "events are handled", "background jobs have ended", "stopped"} {
		next := strings.Index(log.String()[at:], `"msg":"`+message+`"`)
		if next < 0 {
			t.Fatalf("no %q, or not in its turn: %s", message, log)
		}
		at += next
	}
	for _, line := range log.lines(t, "stopped") {
		if line["service"] != "inventory" || line["duration"] == nil {
			t.Errorf("%v", line)
		}
	}
	idle := &logbook{}
	for _, svc := range []*sinew.Service{servicetest.Start(t, sinew.New("idle", servicetest.Local(sinew.Config{Logger: idle.logger(slog.LevelInfo)}))), sinew.New("never", servicetest.Local(sinew.Config{Logger: idle.logger(slog.LevelInfo)}))} {
		if err := svc.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if text := idle.String(); strings.Contains(text, "events") || strings.Contains(text, "jobs") || strings.Contains(text, "deregistered") || len(idle.lines(t, "stopped")) != 1 {
		t.Errorf("it tells of what there was none of: %s", text)
	}
}
