package sinew_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/retry"
)

// thorough and brief are policies that differ in every setting.
var (
	thorough = sinew.ClientPolicy{
		Timeout: time.Hour, Retry: retry.Policy{Attempts: 4, Backoff: time.Millisecond, Budget: retry.Budget{Disabled: true}},
		Breaker: breaker.Policy{Disabled: true}, Balance: loadbalance.Policy{Algorithm: loadbalance.RoundRobin},
	}
	brief = sinew.ClientPolicy{Timeout: time.Minute, Retry: retry.Policy{Disabled: true}, Breaker: breaker.Consecutive}
)

func two(t *testing.T) *sinew.Client {
	shop := servicetest.New(t, sinew.Config{Static: map[string][]string{"inventory": {"http://10.0.0.1:80", "http://10.0.0.2:80"}}})
	return shop.Client("inventory")
}

func TestPoliciesChangeWhileCallsGoOnAndNoCallFails(t *testing.T) {
	c := two(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan struct{})
	var load sync.WaitGroup
	for range 8 {
		load.Go(func() {
			for ctx.Err() == nil {
				err := c.Call(t.Context(), endpoint.Operation{Name: "GET /", Safe: true}, func(context.Context, string) error { return nil })
				if err != nil {
					t.Error(err)
				}
				select {
				case ended <- struct{}{}:
				case <-ctx.Done():
				}
			}
		})
	}
	for n := range 500 {
		p := thorough
		if n%2 == 0 {
			p = brief
		}
		if err := c.Set(p); err != nil {
			t.Error(err)
		}
		c.Snapshot()
		for range 16 { // two of each caller under each policy
			<-ended
		}
	}
	cancel()
	load.Wait()
}

func TestTheNextCallUsesTheLatestPolicy(t *testing.T) {
	c := two(t)
	call := func() (attempts int, left time.Duration) {
		_ = c.Call(t.Context(), endpoint.Operation{Safe: true}, func(ctx context.Context, _ string) error {
			attempts++
			at, _ := ctx.Deadline()
			left = time.Until(at)
			return fault.Unavailable
		})
		return attempts, left
	}
	for name, c2 := range map[string]struct {
		policy   sinew.ClientPolicy
		attempts int
	}{"thorough": {thorough, 4}, "brief": {brief, 1}} {
		if err := c.Set(c2.policy); err != nil {
			t.Fatal(err)
		}
		attempts, left := call()
		if attempts != c2.attempts || left > c2.policy.Timeout || left <= c2.policy.Timeout/2 {
			t.Errorf("%s: %d attempts within %s", name, attempts, left)
		}
		if s := c.Snapshot(); s.Retry.Policy.Attempts != c2.attempts || s.Breaker.Config.FailureThreshold != c2.policy.Breaker.FailureThreshold {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestAPolicyThatIsRefusedChangesNothing(t *testing.T) {
	c := two(t)
	if err := c.Set(thorough); err != nil {
		t.Fatal(err)
	}
	before := c.Snapshot()
	for _, wrong := range []sinew.ClientPolicy{
		{Timeout: -1}, {Timeout: 1, Retry: retry.Policy{Attempts: -1}}, {Timeout: 1, Breaker: breaker.Policy{Window: -1}},
		{Timeout: 1, Balance: loadbalance.Policy{Algorithm: "best"}},
	} {
		if err := c.Set(wrong); !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("%+v: %v", wrong, err)
		}
		after := c.Snapshot()
		if after.Retry.Policy != before.Retry.Policy || after.Breaker.Config != before.Breaker.Config || after.Balance.Policy != before.Balance.Policy {
			t.Errorf("%+v has changed %+v to %+v", wrong, before, after)
		}
		err := c.Call(t.Context(), endpoint.Operation{}, func(ctx context.Context, _ string) error { return ctx.Err() })
		if err != nil {
			t.Errorf("%+v has changed the timeout: %v", wrong, err)
		}
	}
}
