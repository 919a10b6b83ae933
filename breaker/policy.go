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

// Policy is when to open and how to recover. The zero Policy is the recommended
// one: it opens when nothing gets through any more, and stays open for a
// twenty-fourth of the time for which that has lasted, so that refusing loses little where
// calling would lose nothing. While some calls still succeed, it is better to call.
type Policy struct {
	// FailureThreshold opens the circuit after so many failures in a row. If it is
	// zero, MinCalls and the percentages below say when it opens; if not, these have
	// no effect, and the percentages must be zero.
	FailureThreshold int `json:"failure_threshold" yaml:"failure_threshold"`
	// SuccessThreshold probes must succeed to close; zero is 1.
	SuccessThreshold int `json:"success_threshold" yaml:"success_threshold"`
	// Timeout is how long the circuit stays open at first; zero is 120 ms, and 250 ms with
	// a FailureThreshold or percentages. Without these, probes then follow without a pause, as long as
	// they are answered, until eight times MinCalls have failed in a row. After failed
	// probes it is a twenty-fourth of the time since the circuit was last closed where that is
	// more, minus up to 25 % jitter.
	Timeout time.Duration `json:"timeout" yaml:"timeout"`
	// MaxTimeout is the longest that it stays open; zero is 5 s, or Timeout
	// where that is longer.
	MaxTimeout time.Duration `json:"max_timeout" yaml:"max_timeout"`
	// MaxRequests is how many probes are under way at once at most; zero is 1. While
	// they follow without a pause it is 3 where it is less.
	MaxRequests int `json:"max_requests" yaml:"max_requests"`
	// FailurePercent opens when at least this share of the calls in Window
	// failed; zero opens for no share.
	FailurePercent int `json:"failure_percent" yaml:"failure_percent"`
	// SlowPercent opens when at least this share of the calls in Window was
	// slow; zero is 80 where SlowCall is set, and else opens for no share.
	SlowPercent int `json:"slow_percent" yaml:"slow_percent"`
	// SlowCall: a call that takes at least this long is slow, such a probe has
	// failed, and so has a call that its caller's deadline ended; zero is 5 s where
	// SlowPercent is set, and else no call is slow.
	SlowCall time.Duration `json:"slow_call" yaml:"slow_call"`
	// MinCalls: the percentages apply from this many calls in Window on. Whatever
	// they are, so many failures in a row open when they come over 250 ms or more and
	// the share of failures before them, of the latest 200 calls or since 20 succeeded
	// one after the other, makes such a row less likely than 1 in 10^6; zero is 20.
	MinCalls int `json:"min_calls" yaml:"min_calls"`
	// Window is how far back calls count; zero is 10 s.
	Window time.Duration `json:"window" yaml:"window"`
	// ProbeLease is after how long a probe that has not ended is given up and
	// another admitted; zero is 10 s, or SlowCall where that is longer.
	ProbeLease time.Duration `json:"probe_lease" yaml:"probe_lease"`
	// Seed of the jitter; zero is a seed of its own, another one repeats its
	// draws, for tests.
	Seed uint64 `json:"seed,omitempty" yaml:"seed,omitempty"`
	// Disabled lets everything through.
	Disabled bool `json:"disabled" yaml:"disabled"`
}

// Consecutive opens after 5 failures in a row, for 60 s, then lets up to 10
// probes through at once and closes after 3 that succeed.
var Consecutive = Policy{FailureThreshold: 5, SuccessThreshold: 3, Timeout: time.Minute, MaxRequests: 10}

// Middleware is a [Circuit] of its own with this policy. It panics when the
// policy does not validate.
func (p Policy) Middleware() endpoint.Middleware { return New("endpoint", p).Middleware() }

// MarshalJSON writes durations as "1s".
func (p Policy) MarshalJSON() ([]byte, error) { return duration.Marshal(p) }

// UnmarshalJSON reads what MarshalJSON writes; unknown settings are refused.
func (p *Policy) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, p) }

// Validate reports every fault of the policy at once, as fault.InvalidArgument.
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

func (p Policy) withDefaults() Policy {
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
	if !p.spares() {
		length(&p.Timeout, 120*time.Millisecond)
	}
	length(&p.Timeout, 250*time.Millisecond)
	length(&p.MaxTimeout, max(5*time.Second, p.Timeout))
	length(&p.Window, 10*time.Second)
	length(&p.ProbeLease, max(10*time.Second, p.SlowCall))
	if p.SlowPercent > 0 {
		length(&p.SlowCall, 5*time.Second)
	}
	return p
}

// slow says that a call which took so long is slow.
func (p *Policy) slow(took time.Duration) bool { return p.SlowCall > 0 && took >= p.SlowCall }

// pause is how long to stay open when nothing has got through for so long.
func (p Policy) pause(failing time.Duration, d *rng.Source) time.Duration {
	pause := min(max(failing/24, p.Timeout), p.MaxTimeout)
	return pause - d.Duration(min(pause/4, pause-p.Timeout))
}

const (
	// sure: so many times MinCalls failures in a row are no bad luck, even where the
	// share of failures has just jumped.
	sure = 8
	// together is how many probes there are at once until then.
	together = 3
)

// spares says that the callee is to be spared before nothing gets through.
func (p *Policy) spares() bool { return p.FailureThreshold+p.FailurePercent+p.SlowPercent > 0 }

// unsure is how many failures are left until an opening is sure to be no bad luck,
// where so many in a row have opened the circuit.
func (p *Policy) unsure(row int64) int {
	if p.spares() || row < int64(p.MinCalls) {
		return 0
	}
	return max(sure*p.MinCalls-int(row), 0)
}

// seed is that of the circuit of this name: circuits of one group do not draw the
// same.
func (p Policy) seed(name string) uint64 {
	if p.Seed == 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails
	return p.Seed ^ h.Sum64()
}
