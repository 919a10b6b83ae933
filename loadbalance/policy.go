package loadbalance

import (
	"errors"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/duration"
)

// Algorithm is a way to choose.
type Algorithm string

// The algorithms. The empty Algorithm is PeakEWMA.
const (
	// PeakEWMA takes, of two instances drawn by weight, the one with the lower
	// latency × (calls in flight ÷ weight + 1), where latency is a moving
	// average that jumps to peaks and sinks while nothing is heard (Finagle's
	// peak EWMA).
	PeakEWMA Algorithm = "peak_ewma"
	// RoundRobin goes round, each instance as often as its weight says.
	RoundRobin Algorithm = "round_robin"
	// LeastRequest takes, of two instances drawn by weight, the one with fewer
	// calls in flight for its weight.
	LeastRequest Algorithm = "least_request"
)

// Policy is how to choose. The zero Policy is the recommended one.
type Policy struct {
	// Algorithm chooses; empty is peak_ewma.
	Algorithm Algorithm `json:"algorithm" yaml:"algorithm"`
	// Ejection takes failing instances out.
	Ejection Ejection `json:"ejection" yaml:"ejection"`
	// Decay is how long the latency average remembers; zero is 10 s.
	Decay time.Duration `json:"decay" yaml:"decay"`
}

// Ejection takes an instance out of the choice when it fails again and again.
type Ejection struct {
	// Failures in a row eject; zero is 5.
	Failures int `json:"failures" yaml:"failures"`
	// Period is how long the first ejection lasts, each further one that much
	// longer, up to ten times; zero is 5 s. The count goes back when the
	// instance has worked for ten periods.
	Period time.Duration `json:"period" yaml:"period"`
	// MaxPercent of the instances may be ejected at once; zero is 50. With two
	// or more instances one may be ejected whatever MaxPercent says.
	MaxPercent int `json:"max_percent" yaml:"max_percent"`
	// Disabled ejects nobody.
	Disabled bool `json:"disabled" yaml:"disabled"`
}

// MarshalJSON writes durations as "1s".
func (p Policy) MarshalJSON() ([]byte, error) { return duration.Marshal(p) }

// UnmarshalJSON reads what MarshalJSON writes; unknown settings are refused.
func (p *Policy) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, p) }

// MarshalJSON writes durations as "1s".
func (e Ejection) MarshalJSON() ([]byte, error) { return duration.Marshal(e) }

// UnmarshalJSON reads what MarshalJSON writes; unknown settings are refused.
func (e *Ejection) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, e) }

// Validate reports every fault of the policy at once, as fault.InvalidArgument.
func (p Policy) Validate() error {
	var faults []error
	bad := func(format string, args ...any) {
		faults = append(faults, fault.InvalidArgument.Errorf(format, args...))
	}
	switch p.Algorithm {
	case "", PeakEWMA, RoundRobin, LeastRequest:
	default:
		bad("algorithm: %q is unknown; there are %s, %s, %s", p.Algorithm, PeakEWMA, RoundRobin, LeastRequest)
	}
	if p.Decay < 0 {
		bad("decay: %s is negative", p.Decay)
	}
	if p.Ejection.Failures < 0 {
		bad("ejection.failures: %d is negative", p.Ejection.Failures)
	}
	if p.Ejection.Period < 0 {
		bad("ejection.period: %s is negative", p.Ejection.Period)
	}
	if p.Ejection.MaxPercent < 0 || p.Ejection.MaxPercent > 100 {
		bad("ejection.max_percent: %d is not between 0 and 100", p.Ejection.MaxPercent)
	}
	return errors.Join(faults...)
}

// allows says that so many of all instances may be out at once.
func (e Ejection) allows(out, all int) bool {
	switch {
	case out == 0:
		return true
	case e.Disabled || out >= all:
		return false
	}
	return out == 1 || 100*out <= e.MaxPercent*all
}

func (p Policy) withDefaults() Policy {
	if p.Algorithm == "" {
		p.Algorithm = PeakEWMA
	}
	if p.Decay == 0 {
		p.Decay = 10 * time.Second
	}
	if p.Ejection.Failures == 0 {
		p.Ejection.Failures = 5
	}
	if p.Ejection.Period == 0 {
		p.Ejection.Period = 5 * time.Second
	}
	if p.Ejection.MaxPercent == 0 {
		p.Ejection.MaxPercent = 50
	}
	return p
}
