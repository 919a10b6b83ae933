package breakertest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/breaker/breakertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func circuit(p breaker.Policy) breakertest.New {
	return func(_ *testing.T, s breakertest.Settings) breaker.Breaker {
		p.SuccessThreshold, p.Timeout, p.MaxRequests, p.ProbeLease = s.Successes, s.Timeout, s.Probes, s.ProbeLease
		return breaker.New("orders", p)
	}
}

func TestACircuitWithAFailureThresholdFollowsTheRules(t *testing.T) {
	breakertest.Run(t, breakertest.Features{}, circuit(breaker.Policy{FailureThreshold: 5}))
}

func TestACircuitWithPercentagesFollowsTheRules(t *testing.T) {
	breakertest.Run(t, breakertest.Features{}, circuit(breaker.Policy{FailurePercent: 50, MinCalls: 5}))
}

func ExampleRun() {
	_ = func(t *testing.T) {
		breakertest.Run(t, breakertest.Features{}, func(t *testing.T, s breakertest.Settings) breaker.Breaker {
			return breaker.New("mine", breaker.Policy{
				FailureThreshold: s.Failures, SuccessThreshold: s.Successes,
				Timeout: s.Timeout, MaxRequests: s.Probes, ProbeLease: s.ProbeLease,
			})
		})
	}
	// Output:
}
