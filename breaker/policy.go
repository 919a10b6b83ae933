package breaker

import (
	"errors"
	"hash/fnv"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/duration"
	"github.com/sinew-go/sinew/internal/rng"
	"github.com/sinew-go/sinew/internal/window"
)

// Policy is when to open and how to recover. The zero Policy is the recommended one: it
// opens when no call succeeds any more, and stays open for a twenty-fourth of the time for
// which that has lasted, so a refusal rarely hits a call that would succeed. While some
// calls still succeed, it is better to call.
type Policy struct {
	// FailureThreshold opens the circuit after so many failures in a row. If it is zero,
	// MinCalls and the percentages below apply. If it is not, MinCalls has no effect, and
	// the percentages must be zero.
	FailureThreshold int `json:"failure_threshold" yaml:"failure_threshold"`
	// SuccessThreshold is how many probes must succeed to close; zero is 1.
	SuccessThreshold int `json:"success_threshold" yaml:"success_threshold"`
	// Timeout is how long the circuit stays open at first. Zero is 120 ms, or 250 ms with a
	// FailureThreshold or percentages, or MaxTimeout if that is shorter. Without threshold
	// and percentages, probes then follow without a pause, as long as the callee answers
	// them, until eight times MinCalls have failed in a row. When a failed probe opens the
	// circuit again, it stays open for Timeout, or for a twenty-fourth of the time since the
	// failures began if that is longer, minus up to 25 % jitter.
	Timeout time.Duration `json:"timeout" yaml:"timeout"`
	// MaxTimeout is the longest time for which the circuit stays open until it admits a
	// probe; zero is 5 s, or Timeout if that is longer.
	MaxTimeout time.Duration `json:"max_timeout" yaml:"max_timeout"`
	// MaxRequests is how many probes may be in flight at once; zero is 1. While probes
	// follow without a pause it is at least 3.
	MaxRequests int `json:"max_requests" yaml:"max_requests"`
	// FailurePercent opens the circuit if at least this share of the calls in Window has
	// failed. With zero no share opens it.
	FailurePercent int `json:"failure_percent" yaml:"failure_percent"`
	// SlowPercent opens the circuit if at least this share of the calls in Window was slow.
	// Zero is 80 if SlowCall is set; otherwise with zero no share opens it.
	SlowPercent int `json:"slow_percent" yaml:"slow_percent"`
	// SlowCall is the duration from which a call is slow. A slow probe has failed, and so
	// has a slow call that its caller's deadline ended. Zero is 5 s if SlowPercent is set;
	// otherwise no call is slow.
	SlowCall time.Duration `json:"slow_call" yaml:"slow_call"`
	// MinCalls is the number of calls in Window from which the percentages apply; zero is
	// 20. Independently of the percentages, the circuit also opens after MinCalls failures
	// in a row, or more, if they last 250 ms or longer and if such a row is less likely than
	// 1 in 10^6 by the share of failures before it. The package comment says how that share
	// is computed.
	MinCalls int `json:"min_calls" yaml:"min_calls"`
	// Window is the period in which calls count; zero is 10 s.
	Window time.Duration `json:"window" yaml:"window"`
	// ProbeLease is how long a probe may take until another one may start in its place;
	// zero is 10 s, or SlowCall if that is longer.
	ProbeLease time.Duration `json:"probe_lease" yaml:"probe_lease"`
	// Seed makes the jitter repeatable, for tests. Zero is a random seed.
	Seed uint64 `json:"seed,omitempty" yaml:"seed,omitempty"`
	// Disabled admits every call.
	Disabled bool `json:"disabled" yaml:"disabled"`
}

// Consecutive is a policy by which a circuit opens after 5 failures in a row, for 60 s, then
// admits up to 10 probes at once, and closes after 3 successes.
var Consecutive = Policy{FailureThreshold: 5, SuccessThreshold: 3, Timeout: time.Minute, MaxRequests: 10}

// Middleware returns the middleware of a new [Circuit] with this policy. It panics when
// the policy is invalid.
func (p Policy) Middleware() endpoint.Middleware { return New("endpoint", p).Middleware() }

// MarshalJSON writes durations as "1s".
func (p Policy) MarshalJSON() ([]byte, error) { return duration.Marshal(p) }

// UnmarshalJSON reads what MarshalJSON writes. It returns an error for unknown settings.
func (p *Policy) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, p) }

// Validate returns all errors of the policy joined, each as fault.InvalidArgument.
func (p Policy) Validate() error {
	var faults []error
	bad := func(format string, args ...any) {
		faults = append(faults, fault.InvalidArgument.Errorf(format, args...))
	}
	for _, n := range []struct {
		name  string
		value int
	}{
		{"failure_threshold", p.FailureThreshold}, {"success_threshold", p.SuccessThreshold},
		{"max_requests", p.MaxRequests}, {"min_calls", p.MinCalls},
	} {
		if n.value < 0 {
			bad("%s: %d is negative", n.name, n.value)
		}
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"timeout", p.Timeout}, {"max_timeout", p.MaxTimeout}, {"slow_call", p.SlowCall},
		{"window", p.Window}, {"probe_lease", p.ProbeLease},
	} {
		if d.value < 0 {
			bad("%s: %s is negative", d.name, d.value)
		}
	}
	for _, n := range []struct {
		name  string
		value int
	}{{"failure_percent", p.FailurePercent}, {"slow_percent", p.SlowPercent}} {
		if n.value < 0 || n.value > 100 {
			bad("%s: %d is not between 0 and 100", n.name, n.value)
		}
	}
	if p.FailureThreshold > 0 && p.FailurePercent+p.SlowPercent > 0 {
		bad("failure_threshold: beside it failure_percent and slow_percent have no effect; set the one or the others")
	}
	if p.MaxTimeout > 0 && p.MaxTimeout < p.Timeout {
		bad("max_timeout: %s is less than timeout, %s", p.MaxTimeout, p.Timeout)
	}
	if p.Window > 0 && p.Window < window.Parts {
		bad("window: %s is too short", p.Window)
	}
	return errors.Join(faults...)
}

// WithDefaults returns the policy with its defaults filled in, as it is in force. p must
// be valid.
func (p Policy) WithDefaults() Policy {
	number := func(n *int, zero int) {
		if *n == 0 {
			*n = zero
		}
	}
	number(&p.SuccessThreshold, 1)
	number(&p.MaxRequests, 1)
	if p.FailureThreshold == 0 && p.SlowCall > 0 {
		number(&p.SlowPercent, 80)
	}
	number(&p.MinCalls, 20)
	length := func(d *time.Duration, zero time.Duration) {
		if *d == 0 {
			*d = zero
		}
	}
	length(&p.MaxTimeout, max(5*time.Second, p.Timeout))
	if !p.opensEarly() {
		length(&p.Timeout, min(120*time.Millisecond, p.MaxTimeout))
	}
	length(&p.Timeout, min(250*time.Millisecond, p.MaxTimeout))
	length(&p.Window, 10*time.Second)
	length(&p.ProbeLease, max(10*time.Second, p.SlowCall))
	if p.SlowPercent > 0 {
		length(&p.SlowCall, 5*time.Second)
	}
	return p
}

func (p *Policy) isSlow(took time.Duration) bool { return p.SlowCall > 0 && took >= p.SlowCall }

// openTime is how long to stay open if no call has succeeded for so long.
func (p Policy) openTime(failing time.Duration, d *rng.Source) time.Duration {
	longest := min(max(failing/24, p.Timeout), p.MaxTimeout)
	return longest - d.Duration(min(longest/4, longest-p.Timeout))
}

const (
	// sureFactor times MinCalls failures in a row are no chance, even if the share of
	// failures has just jumped.
	sureFactor = 8
	// unsureProbes is how many probes may be in flight until the opening is sure.
	unsureProbes = 3
)

// opensEarly says that the policy may open while some calls succeed.
func (p *Policy) opensEarly() bool { return p.FailureThreshold+p.FailurePercent+p.SlowPercent > 0 }

// unsureFailures is how many more failures make an opening sure, after a row of failures
// has opened the circuit.
func (p *Policy) unsureFailures(row int64) int {
	if p.opensEarly() || row < int64(p.MinCalls) {
		return 0
	}
	return max(sureFactor*p.MinCalls-int(row), 0)
}

// circuitSeed makes the circuits of one group draw different jitter.
func (p Policy) circuitSeed(name string) uint64 {
	if p.Seed == 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails
	return p.Seed ^ h.Sum64()
}
