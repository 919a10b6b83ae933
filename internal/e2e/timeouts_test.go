package e2e_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/internal/servicetest/api"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/retry"
)

// neverAnswer is an attempt that never ends by itself.
func neverAnswer(ctx context.Context, _ string) error {
	<-ctx.Done()
	return fault.CodeOf(ctx.Err()).Errorf("no answer: %w", ctx.Err())
}

func TestTheBreakerCountsATimeoutByWhoseLimitItIs(t *testing.T) {
	for _, c := range []struct {
		name          string
		ours, callers time.Duration
		canceled      bool
		failures      int
	}{
		{name: "our own timeout", ours: time.Second, failures: 1},
		{name: "our own before the caller's deadline", ours: time.Second, callers: 2 * time.Second, failures: 1},
		{name: "the caller's deadline", ours: 2 * time.Second, callers: 50 * time.Millisecond},
		{name: "the caller's deadline when none ever answered", ours: 2 * time.Second, callers: time.Second, failures: 1},
		{name: "the caller's cancel", ours: 2 * time.Second, callers: time.Second, canceled: true},
		{name: "the caller's deadline after the attempt is slow", ours: 20 * time.Second, callers: 6 * time.Second, failures: 1},
		{name: "the caller's cancel after the attempt is slow", ours: 20 * time.Second, callers: 6 * time.Second, canceled: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shop := servicetest.New(t, sinew.Config{Static: servicetest.InventoryAddress, Clients: map[string]sinew.ClientPolicy{"inventory": {Timeout: c.ours}}})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				switch {
				case c.canceled:
					defer time.AfterFunc(c.callers, cancel).Stop()
				case c.callers > 0:
					ctx, cancel = context.WithTimeout(ctx, c.callers)
					defer cancel()
				}
				err := shop.Client("inventory").Call(ctx, call.Operation{Safe: true}, neverAnswer)
				if want := map[bool]fault.Code{true: fault.Canceled, false: fault.DeadlineExceeded}[c.canceled]; !errors.Is(err, want) {
					t.Errorf("the call ended with %v", err)
				}
				s := shop.Client("inventory").Snapshot()
				if s.Breaker.State != breaker.Closed || s.Breaker.FailureCount != c.failures ||
					s.Breaker.Statistics.FailedRequests != int64(c.failures) || s.Breaker.Statistics.TotalRequests != 1 || s.Balance.Instances[0].InFlight != 0 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestShortDeadlinesOfCallersDoNotOpenTheBreakerAndOurTimeoutsDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := servicetest.New(t, sinew.Config{
			Static:  servicetest.InventoryAddress,
			Clients: map[string]sinew.ClientPolicy{"inventory": {Timeout: time.Second, Breaker: breaker.Consecutive}},
		})
		c := shop.Client("inventory")
		for range 50 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			_ = c.Call(ctx, call.Operation{}, neverAnswer)
			cancel()
		}
		if s := c.Snapshot().Breaker; s.State != breaker.Closed || s.FailureCount != 0 {
			t.Errorf("after callers in a hurry: %+v", s)
		}
		for range 5 {
			_ = c.Call(t.Context(), call.Operation{}, neverAnswer)
		}
		if s := c.Snapshot().Breaker; s.State != breaker.Open || s.Statistics.FailedRequests != 5 || s.Statistics.TimeoutRequests != 5 {
			t.Errorf("after timeouts of our own: %+v", s)
		}
	})
}

func TestACallerThatLeavesBlamesNobodyOverTheWire(t *testing.T) {
	entered := make(chan struct{}, 1)
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-r.Context().Done()
	}))
	defer hang.Close()
	shop := servicetest.New(t, sinew.Config{Static: map[string][]string{"inventory": {hang.URL}}})
	ask := api.GetStock.Endpoint(shop.Client("inventory"))
	leaving, leave := context.WithCancel(t.Context())
	go func() {
		<-entered
		leave()
	}()
	if _, err := ask(leaving, &api.StockRequest{ProductID: "p-1"}); !errors.Is(err, fault.Canceled) {
		t.Errorf("a caller that cancelled got %v", err)
	}
	hurried, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := ask(hurried, &api.StockRequest{ProductID: "p-1"}); !errors.Is(err, fault.DeadlineExceeded) {
		t.Errorf("a caller whose time ran out got %v", err)
	}
	if s := shop.Client("inventory").Snapshot(); s.Breaker.FailureCount != 0 || s.Breaker.Statistics.FailedRequests != 0 || s.Balance.Instances[0].InFlight != 0 {
		t.Errorf("%+v", s)
	}
}

func TestACallWithoutAnInstanceFreesItsProbeAndIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := registry.NewMemory()
		only := registry.Instance{ID: "i-1", Name: "inventory", Endpoint: "http://10.0.0.1:80"}
		shop := servicetest.New(t, sinew.Config{Registry: reg, Clients: map[string]sinew.ClientPolicy{
			"inventory": {Breaker: breaker.Consecutive, Retry: retry.Policy{Disabled: true}},
		}})
		c := shop.Client("inventory")
		call := func(answer error) error {
			return c.Call(t.Context(), call.Operation{}, func(context.Context, string) error { return answer })
		}
		comes := func() {
			if err := reg.Register(t.Context(), only); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		comes()
		for range 5 {
			_ = call(fault.Internal)
		}
		_ = reg.Deregister(t.Context(), only.ID)
		bubble.Sleep(breaker.Consecutive.Timeout)
		for range 2 * breaker.Consecutive.MaxRequests { // more than the number of probes
			if err := call(nil); !errors.Is(err, fault.Unavailable) || fault.ReasonOf(err) == "breaker_open" {
				t.Fatalf("with no instance: %v", err)
			}
		}
		if s := c.Snapshot().Breaker; s.State != breaker.HalfOpen || s.Statistics.FailedRequests != 5 || s.SuccessCount != 0 {
			t.Errorf("with no instance: %+v", s)
		}
		comes()
		for range breaker.Consecutive.SuccessThreshold {
			if err := call(nil); err != nil {
				t.Errorf("with an instance: %v", err)
			}
		}
		if s := c.Snapshot().Breaker; s.State != breaker.Closed {
			t.Errorf("with an instance: %+v", s)
		}
	})
}
