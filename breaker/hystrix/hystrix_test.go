package hystrix_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/breaker/breakertest"
	"github.com/sinew-go/sinew/breaker/hystrix"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

// The goroutines of a hystrix circuit never end.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/afex/hystrix-go/hystrix.(*metricExchange).Monitor"),
		goleak.IgnoreAnyFunction("github.com/afex/hystrix-go/hystrix.(*poolMetrics).Monitor"))
}

// made numbers circuits, which are global by name.
var made atomic.Int64

func TestHystrixFollowsTheRulesExceptThoseItDeclares(t *testing.T) {
	breakertest.Run(t, breakertest.Features{
		RealTime: true, OneProbe: true, Late: true, HidesHalfOpen: true, KeepsProbes: true, TrustsLateResults: true,
	}, func(t *testing.T, s breakertest.Settings) breaker.Breaker {
		return hystrix.New(fmt.Sprint(t.Name(), made.Add(1)), hystrix.Policy{RequestVolumeThreshold: s.Failures, SleepWindow: s.Timeout})
	})
}

func TestInvalidPolicyIsRefusedNamingTheSetting(t *testing.T) {
	c := hystrix.New(t.Name(), hystrix.Policy{})
	for _, p := range []hystrix.Policy{{ErrorPercentThreshold: 101}, {RequestVolumeThreshold: -1}, {SleepWindow: time.Microsecond}} {
		if err := c.Set(p); !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("%+v: %v", p, err)
		}
	}
	if got := c.Snapshot().Config.Timeout; got != 5*time.Second {
		t.Errorf("a refused policy changed the sleep window to %s", got)
	}
}

func TestDisabledAdmitsEveryCall(t *testing.T) {
	c := hystrix.New(fmt.Sprint(t.Name(), made.Add(1)), hystrix.Policy{RequestVolumeThreshold: 1, Disabled: true})
	for range 1000 {
		permit, err := c.Allow(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		permit.Done(t.Context(), fault.Internal.Errorf("broken"))
	}
}

func TestPolicyReadsDurationsInWords(t *testing.T) {
	var p hystrix.Policy
	if err := json.Unmarshal([]byte(`{"sleep_window":"2s"}`), &p); err != nil || p.SleepWindow != 2*time.Second {
		t.Errorf("%+v %v", p, err)
	}
}

func ExampleNew() {
	orders := hystrix.New("orders", hystrix.Policy{SleepWindow: time.Second})
	ep := endpoint.New(func(context.Context, int) (string, error) { return "placed", nil }).
		With(orders.Middleware())

	fmt.Println(ep(context.Background(), 7))
	fmt.Println(orders.Snapshot().State)
	// Output:
	// placed <nil>
	// closed
}
