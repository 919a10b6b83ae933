package e2e_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/transport/rest"
)

// slowInventory is a service whose calls stay in flight until they are released.
type slowInventory struct {
	*sinew.Service
	entered chan struct{}
	letGo   chan struct{}
	inside  atomic.Int64
}

func newSlowInventory(t *testing.T, c sinew.Config) *slowInventory {
	s := &slowInventory{Service: sinew.New("inventory", servicetest.Local(c)), entered: make(chan struct{}), letGo: make(chan struct{})}
	servicetest.Read.Handle(s.Service, func(ctx context.Context, _ endpoint.None) (endpoint.None, error) {
		s.inside.Add(1)
		defer s.inside.Add(-1)
		s.entered <- struct{}{}
		<-s.letGo
		return endpoint.None{}, ctx.Err()
	})
	servicetest.Start(t, s.Service)
	return s
}

func TestShutdownAnswersEveryCallInFlightAndReturnsAfterTheLast(t *testing.T) {
	reg := registry.NewMemory()
	s := newSlowInventory(t, sinew.Config{Registry: reg})
	shop := servicetest.New(t, sinew.Config{Registry: reg})
	ask := servicetest.Read.Endpoint(shop.Client("inventory"))
	const calls = 50
	answers := make(chan error, calls)
	for range calls {
		go func() {
			_, err := ask(t.Context(), endpoint.None{})
			answers <- err
		}()
	}
	for range calls {
		<-s.entered
	}
	stopped := make(chan error, 1)
	go func() {
		err := s.Shutdown(t.Context())
		if n := s.inside.Load(); n != 0 {
			t.Errorf("Shutdown returned with %d calls inside", n)
		}
		stopped <- err
	}()
	servicetest.WaitForInstances(t, reg, 0) // the service stops
	for n := range calls {
		select {
		case err := <-stopped:
			t.Fatalf("Shutdown returned after %d of %d calls: %v", n, calls, err)
		case s.letGo <- struct{}{}:
		}
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestShutdownUnderLoadAnswersEveryAcceptedCall(t *testing.T) {
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{}))
	var taken, done atomic.Int64
	servicetest.Read.Handle(svc, func(context.Context, endpoint.None) (endpoint.None, error) {
		taken.Add(1)
		return endpoint.None{}, nil
	})
	servicetest.Start(t, svc)
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	defer transport.CloseIdleConnections()
	ask := servicetest.Read.Endpoint(rest.Remote(svc.URL(), &http.Client{Transport: transport}))
	begun := make(chan struct{}, 1)
	var load sync.WaitGroup
	for range 16 {
		load.Go(func() {
			for { // until it accepts no more
				if _, err := ask(t.Context(), endpoint.None{}); err != nil {
					if !errors.Is(err, fault.Unavailable) {
						t.Error(err)
					}
					return
				}
				if done.Add(1) == 200 {
					begun <- struct{}{}
				}
			}
		})
	}
	<-begun
	if err := svc.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	load.Wait()
	if taken.Load() != done.Load() {
		t.Errorf("%d calls were taken, %d answered", taken.Load(), done.Load())
	}
}
