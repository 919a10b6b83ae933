package loadbalance

import (
	"cmp"
	"time"

	"github.com/sinew-go/sinew/internal/duration"
)

// Algorithm is how a pool chooses among the instances that may be chosen.
type Algorithm string

// The algorithms. The empty Algorithm is PeakEWMA.
const (
	// PeakEWMA draws two instances by weight and chooses the one with the lower
	// latency × (calls in flight ÷ weight + 1). The latency is a moving average that
	// jumps to peaks and fades while no call ends; it is at least as long as the calls
	// in flight have waited for any answer (after Finagle's peak EWMA).
	PeakEWMA Algorithm = "peak_ewma"
	// LeastRequest draws two instances by weight and chooses the one with fewer calls in
	// flight for its weight.
	LeastRequest Algorithm = "least_request"
	// RoundRobin chooses each instance in order, as often as its weight says and never
	// in bursts (earliest deadline first). Each pool starts at a random position, so
	// many new clients do not all start with the same instance.
	RoundRobin Algorithm = "round_robin"
	// Random draws one instance by weight.
	Random Algorithm = "random"
	// ConsistentHash sends equal keys to the same instance in every process (weighted
	// rendezvous), as long as it has no more than its bounded share of the calls, and
	// otherwise to the next instance of that key (Mirrokni, Thorup and Zadimoghaddam,
	// 2017). A call without a key goes to a random instance.
	ConsistentHash Algorithm = "consistent_hash"
)

var algorithms = []Algorithm{PeakEWMA, LeastRequest, RoundRobin, Random, ConsistentHash}

// Policy is how a pool chooses. The zero Policy is the recommended one.
type Policy struct {
	// Algorithm is how an instance is chosen; empty is peak_ewma.
	Algorithm Algorithm `json:"algorithm" yaml:"algorithm"`
	// Ejection ends the use of failing instances.
	Ejection Ejection `json:"ejection" yaml:"ejection"`
	// Probation gives single calls to an instance that was ejected, or is slow, until it
	// does well.
	Probation Probation `json:"probation" yaml:"probation"`
	// SlowStart lets the share of a new instance grow.
	SlowStart SlowStart `json:"slow_start" yaml:"slow_start"`
	// Zone is the caller's own zone. Its instances are preferred; calls spill over to
	// others when it has none to use, or when its instances have clearly more load. Empty
	// prefers no zone. The zone of an instance is its metadata "zone".
	Zone string `json:"zone" yaml:"zone"`
	// Decay is the time constant of the latency average; zero is 10 s.
	Decay time.Duration `json:"decay" yaml:"decay"`
	// Seed makes the random draws repeatable, for tests. Zero is a random seed.
	Seed uint64 `json:"seed,omitempty" yaml:"seed,omitempty"`
}

// Ejection ends the use of an instance that fails clearly more than the others. Where all
// fail alike, none is ejected.
type Ejection struct {
	// Failures is how many failures in a row eject; zero is 5.
	Failures int `json:"failures" yaml:"failures"`
	// Gap ejects an instance whose success rate is so many percentage points below the
	// mean of the others', over Window and of at least MinCalls calls; zero is 30.
	Gap int `json:"gap" yaml:"gap"`
	// Window is the period of the success rate; zero is 10 s.
	Window time.Duration `json:"window" yaml:"window"`
	// MinCalls is how many calls a success rate needs at least; zero is 20.
	MinCalls int `json:"min_calls" yaml:"min_calls"`
	// Period is how long the first ejection lasts; zero is 5 s. Each further one is a
	// Period longer, up to ten Periods. The count starts again when the instance has
	// worked for ten Periods. An instance that is gone is probed after half the time for
	// which it has been gone, between a fifth of Period and ten Periods.
	Period time.Duration `json:"period" yaml:"period"`
	// MaxPercent is how many percent of the instances may be out at once, ejected or on
	// probation; zero is 50. With two or more instances one may always be out, and never
	// all. Instances that refuse connections, or do not answer, while another works are
	// always out, and do not count.
	MaxPercent int `json:"max_percent" yaml:"max_percent"`
	// PanicPercent is the panic threshold: while fewer percent of the instances that are
	// not gone are healthy, all of these are used; zero is 100 - MaxPercent, at most 50.
	PanicPercent int `json:"panic_percent" yaml:"panic_percent"`
	// Disabled means that no instance is ejected.
	Disabled bool `json:"disabled" yaml:"disabled"`
}

// Probation gives an instance only probes, one at a time. An instance is on probation
// when its ejection is over, or when it is slow: by its mean latency, by most of its
// recent answers, or by calls that hang.
type Probation struct {
	// Factor says what is slow: an answer that takes Factor times the median latency of the
	// other instances, and at least 1 ms longer; zero is 3.
	Factor float64 `json:"factor" yaml:"factor"`
	// Interval is the time between probes; zero is 2 s. After a good probe the next may
	// follow at once. An instance that no safe call has probed for ten Intervals is
	// probed by any call.
	Interval time.Duration `json:"interval" yaml:"interval"`
	// Successes is how many good probes in a row end the probation; zero is 3. A slow
	// probe is not good.
	Successes int `json:"successes" yaml:"successes"`
	// Timeout is when a probe that has not returned is given up; zero is 10 s.
	Timeout time.Duration `json:"timeout" yaml:"timeout"`
	// Disabled means that slow instances, and those whose ejection is over, are fully used.
	Disabled bool `json:"disabled" yaml:"disabled"`
}

// SlowStart lets the share of a new instance grow from a tenth to the whole.
type SlowStart struct {
	// Window is how long the share of an instance grows; zero is 10 s.
	Window time.Duration `json:"window" yaml:"window"`
	// Disabled means that a new instance gets its whole share at once.
	Disabled bool `json:"disabled" yaml:"disabled"`
}

// MarshalJSON writes durations as "1s".
func (p Policy) MarshalJSON() ([]byte, error) { return duration.Marshal(p) }

// UnmarshalJSON reads what MarshalJSON writes. It returns an error for unknown settings.
func (p *Policy) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, p) }

// MarshalJSON writes durations as "1s".
func (e Ejection) MarshalJSON() ([]byte, error) { return duration.Marshal(e) }

// UnmarshalJSON reads what MarshalJSON writes. It returns an error for unknown settings.
func (e *Ejection) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, e) }

// MarshalJSON writes durations as "1s".
func (p Probation) MarshalJSON() ([]byte, error) { return duration.Marshal(p) }

// UnmarshalJSON reads what MarshalJSON writes. It returns an error for unknown settings.
func (p *Probation) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, p) }

// MarshalJSON writes durations as "1s".
func (s SlowStart) MarshalJSON() ([]byte, error) { return duration.Marshal(s) }

// UnmarshalJSON reads what MarshalJSON writes. It returns an error for unknown settings.
func (s *SlowStart) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, s) }

// allows says whether out of all instances may be out at once.
func (e Ejection) allows(out, all int) bool {
	return out == 0 || out < all && (out == 1 || 100*out <= e.MaxPercent*all)
}

// WithDefaults returns the policy with its defaults filled in, as it is in force. p must
// be valid.
func (p Policy) WithDefaults() Policy {
	p.Algorithm = cmp.Or(p.Algorithm, PeakEWMA)
	p.Decay = cmp.Or(p.Decay, 10*time.Second)
	e := &p.Ejection
	e.Failures = cmp.Or(e.Failures, 5)
	e.Gap = cmp.Or(e.Gap, 30)
	e.Window = cmp.Or(e.Window, 10*time.Second)
	e.MinCalls = cmp.Or(e.MinCalls, 20)
	e.Period = cmp.Or(e.Period, 5*time.Second)
	e.MaxPercent = cmp.Or(e.MaxPercent, 50)
	e.PanicPercent = cmp.Or(e.PanicPercent, min(100-e.MaxPercent, 50))
	p.Probation.Factor = cmp.Or(p.Probation.Factor, 3)
	p.Probation.Interval = cmp.Or(p.Probation.Interval, 2*time.Second)
	p.Probation.Successes = cmp.Or(p.Probation.Successes, 3)
	p.Probation.Timeout = cmp.Or(p.Probation.Timeout, 10*time.Second)
	p.SlowStart.Window = cmp.Or(p.SlowStart.Window, 10*time.Second)
	return p
}
