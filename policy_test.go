package sinew_test

import (
	"reflect"
	"testing"

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
