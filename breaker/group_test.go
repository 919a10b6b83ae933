package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

func TestAGroupDropsIdleCircuits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := breaker.NewGroup("tenants", breaker.Policy{FailureThreshold: 1, Timeout: time.Hour})
		for i := range 10_000 {
			calls(g.Get(fmt.Sprint(i)), 1, nil)
		}
		calls(g.Get("broken"), 1, errFailed)
		bubble.Sleep(11 * time.Minute)
		calls(g.Get("new"), 1, nil)
		if left := g.Snapshot(); len(left) != 2 || left[0].ID != "tenants/broken" || left[1].ID != "tenants/new" {
			t.Errorf("%d circuits are left", len(left))
		}
		bubble.Sleep(2 * time.Hour) // the open circuit's time is long over, and it is not used
		for i := range 200 {
			calls(g.Get(fmt.Sprint(i)), 1, nil)
		}
		bubble.Sleep(time.Minute)
		calls(g.Get("newest"), 1, nil)
		for _, s := range g.Snapshot() {
			if s.ID == "tenants/broken" {
				t.Error("an open circuit is kept for ever")
			}
		}
	})
}

func TestAGroupSeparatesKeysAndSetsAllCircuits(t *testing.T) {
	g := breaker.NewGroup("tenants", breaker.Policy{FailureThreshold: 1})
	ep := endpoint.New(func(context.Context, string) (string, error) { return "", errFailed }).
		With(g.Middleware(func(_ context.Context, request any) string { return request.(string) }))
	_, _ = ep(t.Context(), "acme")
	if _, err := ep(t.Context(), "globex"); !errors.Is(err, fault.Internal) {
		t.Errorf("globex pays for acme: %v", err)
	}
	if err := g.Set(breaker.Policy{FailurePercent: -1}); err == nil {
		t.Error("an invalid policy was taken")
	}
	if err := g.Set(breaker.Policy{Disabled: true}); err != nil || g.Get("acme").State() != breaker.Closed || !g.Get("later").Policy().Disabled {
		t.Errorf("Set did not reach all circuits: %v", err)
	}
}
