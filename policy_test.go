package sinew_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/breaker/hystrix"
	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/eventbus"
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
