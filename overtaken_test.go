package sinew_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/internal/servicetest/api"
	"github.com/sinew-go/sinew/registry"
)

// slowBus is a bus whose Subscribe is slow.
type slowBus struct {
	eventbus.Bus
	asked   chan struct{}
	proceed chan struct{}
}

func newSlowBus(t *testing.T) slowBus {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	t.Cleanup(func() { _ = bus.Close(context.Background()) })
	return slowBus{bus, make(chan struct{}), make(chan struct{})}
}

func (b slowBus) Subscribe(topic, group string, h eventbus.Handler) (func(context.Context) error, error) {
	close(b.asked)
	<-b.proceed
	return b.Bus.Subscribe(topic, group, h)
}

func TestABusThatIsSlowToSubscribeBlocksNothingElse(t *testing.T) {
	bus := newSlowBus(t)
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Bus: bus}))
	var handled atomic.Bool
	_ = api.LowStock.Handle(svc, "g", func(context.Context, api.StockEvent) error {
		handled.Store(true)
		return nil
	})
	started := make(chan error, 1)
	go func() { started <- svc.Start(t.Context()) }()
	<-bus.asked
	if status, _ := readyz(svc); status != 200 {
		t.Errorf("readyz says %d", status)
	}
	if err := cutOff(t, svc); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "inventory.low_stock") {
		t.Error(err)
	}
	close(bus.proceed)
	if err := <-started; !errors.Is(err, fault.Canceled) {
		t.Errorf("Start: %v", err)
	}
	if err := api.LowStock.Publish(t.Context(), bus, api.StockEvent{}); err != nil {
		t.Error(err)
	}
	if err := bus.Close(t.Context()); err != nil || handled.Load() {
		t.Errorf("it subscribed after Shutdown; %v", err)
	}
}

func TestShutdownThatOvertakesStartLeavesNothingBehind(t *testing.T) {
	reg := registry.NewMemory()
	bus := newSlowBus(t)
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Registry: reg, Bus: bus}))
	_ = api.LowStock.Handle(svc, "g", func(context.Context, api.StockEvent) error { return nil })
	var worked atomic.Bool
	svc.Go(func(context.Context) { worked.Store(true) })
	started, stopped := make(chan error, 1), make(chan error, 1)
	go func() { started <- svc.Start(t.Context()) }()
	<-bus.asked
	go func() { stopped <- svc.Shutdown(t.Context()) }()
	for status := 200; status == 200; status, _ = readyz(svc) {
	}
	close(bus.proceed)
	if err := <-started; !errors.Is(err, fault.Canceled) || !strings.Contains(err.Error(), "inventory") {
		t.Errorf("Start: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if left, err := reg.Services(t.Context()); err != nil || len(left) > 0 || worked.Load() {
		t.Errorf("registered %v, %v; worked: %v", left, err, worked.Load())
	}
	if _, err := svc.Subscribe("x", "g", func(context.Context, eventbus.Event) error { return nil }); !errors.Is(err, fault.Canceled) {
		t.Errorf("Subscribe after Shutdown: %v", err)
	}
}

func TestStartAndShutdownAtOnceLeaveNothingServing(t *testing.T) {
	for range 50 {
		reg := registry.NewMemory()
		svc := sinew.New("inventory", servicetest.Local(sinew.Config{Registry: reg}))
		var working atomic.Int64
		svc.Go(func(ctx context.Context) {
			working.Add(1)
			<-ctx.Done()
			working.Add(-1)
		})
		var both sync.WaitGroup
		both.Go(func() { _ = svc.Start(t.Context()) })
		both.Go(func() { _ = svc.Shutdown(t.Context()) })
		both.Wait()
		if left, _ := reg.Services(t.Context()); len(left) > 0 || working.Load() > 0 {
			t.Fatalf("registered %v, %d jobs", left, working.Load())
		}
		if url := svc.URL(); url != "" {
			if _, err := http.Get(url + "/healthz"); err == nil {
				t.Fatal("it still answers")
			}
		}
	}
}

func TestAJobAddedDuringTheDrainIsWaitedForAndALaterOneDoesNotStart(t *testing.T) {
	var log bytes.Buffer
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}))
	entered, stopping := make(chan struct{}), make(chan struct{})
	var ended, late atomic.Bool
	svc.Handle("GET /slow", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(entered)
		<-stopping
		svc.Go(func(ctx context.Context) {
			<-ctx.Done()
			ended.Store(true)
		})
	}))
	servicetest.Start(t, svc)
	go func() {
		if answer, err := http.Get(svc.URL() + "/slow"); err == nil {
			_ = answer.Body.Close()
		}
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- svc.Shutdown(t.Context()) }()
	for status := 200; status == 200; status, _ = readyz(svc) {
	}
	close(stopping)
	if err := <-stopped; err != nil || !ended.Load() {
		t.Errorf("%v; the job had ended: %v", err, ended.Load())
	}
	svc.Go(func(context.Context) { late.Store(true) })
	http.DefaultClient.CloseIdleConnections()
	if text := log.String(); late.Load() || !strings.Contains(text, "TestAJobAddedDuringTheDrain") {
		t.Errorf("a job after Shutdown: begun %v; the log says %s", late.Load(), text)
	}
}

func TestRunReturnsAfterShutdown(t *testing.T) {
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{}))
	working := make(chan struct{})
	svc.Go(func(context.Context) { close(working) })
	ended := make(chan error, 1)
	go func() { ended <- svc.Run(t.Context()) }()
	<-working
	if err := svc.Run(t.Context()); !errors.Is(err, fault.FailedPrecondition) {
		t.Errorf("a second Run: %v", err)
	}
	if status, _ := readyz(svc); status != 200 {
		t.Errorf("the second Run ended the first: %d", status)
	}
	if err := svc.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestASubscriptionThatIsStoppedWhileTheServiceStartsStopsNothingElse(t *testing.T) {
	bus := newSlowBus(t)
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Bus: bus}))
	stop, err := svc.Subscribe("inventory.low_stock", "g", func(context.Context, eventbus.Event) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	started, stopped := make(chan error, 1), make(chan error, 1)
	go func() { started <- svc.Start(t.Context()) }()
	<-bus.asked
	go func() { stopped <- stop(t.Context()) }()
	close(bus.proceed)
	if err := errors.Join(<-started, <-stopped, svc.Shutdown(t.Context())); err != nil {
		t.Error(err)
	}
}
