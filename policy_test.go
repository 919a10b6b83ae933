package sinew_test

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/breaker/hystrix"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/retry"
)

func TestEveryPolicyReadsTheSameInJSONAndInYAML(t *testing.T) {
	for _, policy := range []any{
		sinew.ClientPolicy{}, breaker.Policy{}, hystrix.Policy{}, retry.Policy{}, retry.Budget{}, retry.Hedge{},
		limit.Rate{}, limit.Concurrency{}, limit.Adaptive{},
		loadbalance.Policy{}, loadbalance.Ejection{}, loadbalance.Probation{}, loadbalance.SlowStart{},
		registry.ResolverPolicy{}, eventbus.MemoryPolicy{}, eventbus.RetryPolicy{}, config.MemoryPolicy{},
	} {
		for f := range reflect.TypeOf(policy).Fields() {
			if name := f.Tag.Get("json"); name == "" || f.Tag.Get("yaml") != name {
				t.Errorf("%T.%s is %q in JSON and %q in YAML", policy, f.Name, name, f.Tag.Get("yaml"))
			}
		}
		if _, ok := policy.(interface{ Validate() error }); !ok && policy != (retry.Budget{}) && policy != (retry.Hedge{}) {
			t.Errorf("%T does not validate", policy)
		}
	}
}

type policy[P any] interface {
	Validate() error
	WithDefaults() P
}

// checkDefaults checks that a valid policy with its defaults is valid, and in force as it is.
func checkDefaults[P policy[P]](t *testing.T, policies ...P) {
	t.Helper()
	for _, p := range policies {
		full := p.WithDefaults()
		if err := errors.Join(p.Validate(), full.Validate()); err != nil {
			t.Errorf("%T %+v with its defaults is %+v: %v", p, p, full, err)
		}
		if again := full.WithDefaults(); !reflect.DeepEqual(again, full) {
			t.Errorf("%T %+v with its defaults is %+v, and with theirs %+v", p, p, full, again)
		}
	}
}

func TestDefaultsNeverMakeAPolicyInvalid(t *testing.T) {
	const moment = time.Millisecond
	checkDefaults(t, retry.Policy{}, retry.Policy{Backoff: time.Hour}, retry.Policy{MaxBackoff: moment}, retry.Policy{Disabled: true}, retry.Policy{Hedge: retry.Hedge{Percent: 100}})
	checkDefaults(t, breaker.Policy{}, breaker.Policy{Timeout: time.Hour}, breaker.Policy{MaxTimeout: moment}, breaker.Policy{FailureThreshold: 1, MaxTimeout: moment},
		breaker.Policy{SlowCall: time.Hour}, breaker.Policy{SlowPercent: 1}, breaker.Policy{FailurePercent: 1}, breaker.Policy{Window: moment})
	checkDefaults(t, loadbalance.Policy{}, loadbalance.Policy{Ejection: loadbalance.Ejection{MaxPercent: 100}}, loadbalance.Policy{Ejection: loadbalance.Ejection{PanicPercent: 100}},
		loadbalance.Policy{Ejection: loadbalance.Ejection{MaxPercent: 1}})
	checkDefaults(t, limit.Adaptive{}, limit.Adaptive{Max: 1}, limit.Adaptive{Min: 100})
	checkDefaults(t, limit.Concurrency{}, limit.Concurrency{Max: 1}, limit.Concurrency{Queue: -1}, limit.Concurrency{Queue: 1})
	checkDefaults(t, limit.Rate{}, limit.Rate{PerSecond: 0.01}, limit.Rate{Burst: 1})
	checkDefaults(t, eventbus.RetryPolicy{}, eventbus.RetryPolicy{Backoff: time.Hour}, eventbus.RetryPolicy{MaxBackoff: moment}, eventbus.RetryPolicy{Disabled: true})
	checkDefaults(t, eventbus.MemoryPolicy{}, eventbus.MemoryPolicy{Backoff: time.Hour}, eventbus.MemoryPolicy{MaxBackoff: moment})
	checkDefaults(t, registry.ResolverPolicy{}, registry.ResolverPolicy{HoldBack: moment}, registry.ResolverPolicy{Disabled: true})
	checkDefaults(t, sinew.ClientPolicy{}, sinew.ClientPolicy{Timeout: moment})
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
				err := c.Call(t.Context(), call.Operation{Name: "GET /", Safe: true}, func(context.Context, string) error { return nil })
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
		_ = c.Call(t.Context(), call.Operation{Safe: true}, func(ctx context.Context, _ string) error {
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
		err := c.Call(t.Context(), call.Operation{}, func(ctx context.Context, _ string) error { return ctx.Err() })
		if err != nil {
			t.Errorf("%+v has changed the timeout: %v", wrong, err)
		}
	}
}
