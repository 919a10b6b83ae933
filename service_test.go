package sinew_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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

// stepRecorder is a registry that records steps in their order.
type stepRecorder struct {
	registry.Registry
	mu   sync.Mutex
	all  []string
	once sync.Once
	gone chan struct{} // closed when it deregisters
}

func (s *stepRecorder) add(step string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, step)
}

func (s *stepRecorder) Register(ctx context.Context, i registry.Instance) error {
	s.add("register")
	return s.Registry.Register(ctx, i)
}

func (s *stepRecorder) Deregister(ctx context.Context, id string) error {
	s.add("deregister")
	s.once.Do(func() { close(s.gone) })
	return s.Registry.Deregister(ctx, id)
}

func TestOrderOfStartAndStop(t *testing.T) {
	s := &stepRecorder{Registry: registry.NewMemory(), gone: make(chan struct{})}
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	defer func() { _ = bus.Close(context.Background()) }()
	entered, leave := make(chan struct{}), make(chan struct{})
	addr := servicetest.FreeAddr(t)
	svc := sinew.New("inventory", sinew.Config{Addr: addr, Advertise: advertised, Registry: s, Bus: bus, Logger: servicetest.NoLog, DrainDelay: time.Second})
	rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /slow"}.Handle(svc, func(context.Context, endpoint.None) (endpoint.None, error) {
		close(entered)
		<-leave
		s.add("request ended")
		return endpoint.None{}, nil
	})
	handling := make(chan struct{})
	_ = api.LowStock.Handle(svc, "g", func(context.Context, api.StockEvent) error {
		close(handling)
		<-leave
		s.add("event ended")
		return nil
	})
	svc.Go(func(ctx context.Context) {
		<-ctx.Done()
		s.add("job ended")
	})
	var ready atomic.Bool
	svc.AddReadinessCheck("database", func(context.Context) error {
		if ready.CompareAndSwap(false, true) {
			return errors.New("not yet")
		}
		s.add("ready")
		return nil
	})
	if err := svc.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := api.LowStock.Publish(t.Context(), svc, api.StockEvent{}); err != nil {
		t.Fatal(err)
	}
	request := make(chan int)
	go func() {
		status, _, _ := servicetest.Get(t, "http://"+addr+"/slow")
		request <- status
	}()
	<-entered
	<-handling
	done := make(chan error)
	go func() { done <- svc.Shutdown(t.Context()) }()
	for { // it still answers, and announces that it stops
		status, header, _ := servicetest.Get(t, "http://"+addr+"/readyz")
		if header.Get("Connection") == "close" || status == 503 {
			break
		}
	}
	<-s.gone
	close(leave)
	if got := <-request; got != 204 {
		t.Errorf("the request in flight got %d", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := svc.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	all := slices.Compact(s.all)
	at := func(step string) int { return slices.Index(all, step) }
	if all[0] != "ready" || at("register") != 1 || at("deregister") < 0 || at("job ended") != len(all)-1 ||
		at("deregister") > at("request ended") || at("event ended") > at("job ended") || at("event ended") < 0 {
		t.Errorf("order: %v", all)
	}
	if _, err := http.Get("http://" + addr + "/healthz"); err == nil {
		t.Error("it still answers")
	}
}

func TestNoCallFailsWhileInstancesComeAndGo(t *testing.T) {
	reg := registry.NewMemory()
	c := sinew.Config{Registry: reg, DrainDelay: 100 * time.Millisecond}
	servicetest.StartInventory(t, c) // an instance that stays
	shop := servicetest.New(t, sinew.Config{Registry: reg})
	reserve := api.Reserve.Endpoint(shop.Client("inventory"))
	get := api.GetStock.Endpoint(shop.Client("inventory"))
	ctx, cancel := context.WithCancel(t.Context())
	var calls, failed atomic.Int64
	var load sync.WaitGroup
	for range 8 {
		load.Go(func() {
			for ctx.Err() == nil {
				_, err1 := reserve(t.Context(), &api.ReserveRequest{ProductID: "p-1", Quantity: 1})
				_, err2 := get(t.Context(), &api.StockRequest{ProductID: "p-1"})
				calls.Add(2)
				if err := errors.Join(err1, err2); err != nil {
					failed.Add(1)
					t.Log(err)
				}
			}
		})
	}
	for range 5 {
		svc := servicetest.StartInventory(t, c)
		if err := svc.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
	cancel()
	load.Wait()
	if failed.Load() > 0 || calls.Load() == 0 {
		t.Errorf("%d of %d calls failed", failed.Load(), calls.Load())
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
