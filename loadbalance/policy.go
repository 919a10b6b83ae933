package loadbalance

import (
	"cmp"
	"time"

	"github.com/sinew-go/sinew/internal/duration"
)

// Algorithm is a way to choose.
type Algorithm string

// The algorithms. The empty Algorithm is PeakEWMA.
const (
	// PeakEWMA takes, of two instances drawn by weight, the one with the lower
	// latency × (calls in flight ÷ weight + 1), where latency is a moving
	// average that jumps to peaks and sinks while nothing is heard, and at least
	// as long as calls in flight have waited for any answer (after Finagle's
	// peak EWMA).
	PeakEWMA Algorithm = "peak_ewma"
	// LeastRequest takes, of two instances drawn by weight, the one with fewer
	// calls in flight for its weight.
	LeastRequest Algorithm = "least_request"
	// RoundRobin goes round, each instance as often as its weight says and never
	// in bursts (earliest deadline first). Each pool begins its round anywhere, so
	// that many new clients do not all begin with one instance.
	RoundRobin Algorithm = "round_robin"
	// Random draws by weight.
	Random Algorithm = "random"
	// ConsistentHash sends equal keys to the same instance, in every process
	// (weighted rendezvous), while that has no more than its bounded share of
	// the calls, and else to the next of that key (Mirrokni, Thorup and
	// Zadimoghaddam, 2017). A call without a key is drawn at random.
	ConsistentHash Algorithm = "consistent_hash"
)

var algorithms = []Algorithm{PeakEWMA, LeastRequest, RoundRobin, Random, ConsistentHash}

// Policy is how to choose. The zero Policy is the recommended one.
type Policy struct {
	// Algorithm chooses; empty is peak_ewma.
	Algorithm Algorithm `json:"algorithm" yaml:"algorithm"`
	// Ejection takes failing instances out.
	Ejection Ejection `json:"ejection" yaml:"ejection"`
	// Probation gives an instance that was ejected, or is slow, single calls
	// until it does well.
	Probation Probation `json:"probation" yaml:"probation"`
	// SlowStart spares an instance that has just come.
	SlowStart SlowStart `json:"slow_start" yaml:"slow_start"`
	// Zone is the caller's own: instances in it are preferred, and calls spill
	// over to others when it has none to use or when those are loaded clearly
	// more. Empty prefers nobody.
	Zone string `json:"zone" yaml:"zone"`
	// Decay is how long the latency average remembers; zero is 10 s.
	Decay time.Duration `json:"decay" yaml:"decay"`
	// Seed begins the random draws. Zero is a seed of its own; another one
	// repeats its draws, for tests.
	Seed uint64 `json:"seed,omitempty" yaml:"seed,omitempty"`
}

// Ejection takes an instance out of the choice when it fails clearly more than
// the others do. Where all fail alike, nobody is ejected.
type Ejection struct {
	// Failures in a row eject; zero is 5.
	Failures int `json:"failures" yaml:"failures"`
	// Gap ejects an instance whose success rate is so many percentage points
	// below the mean of the others', over Window and of at least MinCalls calls;
	// zero is 30.
	Gap int `json:"gap" yaml:"gap"`
	// Window is how far back the success rate looks; zero is 10 s.
	Window time.Duration `json:"window" yaml:"window"`
	// MinCalls is the least number of calls that make a success rate; zero is 20.
	MinCalls int `json:"min_calls" yaml:"min_calls"`
	// Period is how long the first ejection lasts, each further one that much
	// longer, up to ten times; zero is 5 s. The count goes back when the
	// instance has worked for ten periods. One that is gone is looked for after half
	// the time that it has been, between a fifth of Period and ten.
	Period time.Duration `json:"period" yaml:"period"`
	// MaxPercent of the instances may be out at once, ejected or in probation;
	// zero is 50. With two or more instances one may be out whatever MaxPercent
	// says, and never are all. Instances that refuse connections, or answer nothing,
	// while another works are out in any case, and left out of the count.
	MaxPercent int `json:"max_percent" yaml:"max_percent"`
	// PanicPercent ignores ejections and probations while fewer instances than
	// that may be used, of those that are not gone; zero is what MaxPercent leaves,
	// at most 50.
	PanicPercent int `json:"panic_percent" yaml:"panic_percent"`
	// Disabled ejects nobody.
	Disabled bool `json:"disabled" yaml:"disabled"`
}

// Probation gives an instance no calls but probes, one at a time. An instance
// gets there when its ejection is over, or when it is slow: by the average of
// its latency, by most of its recent answers, or by calls that hang.
type Probation struct {
	// Factor over the median latency of the others is slow; zero is 3.
	Factor float64 `json:"factor" yaml:"factor"`
	// Interval is how far probes are apart at least, but for one that follows a
	// good one at once; zero is 2 s. An instance that no safe call has probed
	// for ten of them is probed by any.
	Interval time.Duration `json:"interval" yaml:"interval"`
	// Successes in a row, none of them slow, end the probation; zero is 3.
	Successes int `json:"successes" yaml:"successes"`
	// Timeout gives up a probe that has not returned; zero is 10 s.
	Timeout time.Duration `json:"timeout" yaml:"timeout"`
	// Disabled uses slow instances, and fully those whose ejection is over.
	Disabled bool `json:"disabled" yaml:"disabled"`
}

// SlowStart lets the share of an instance that comes to others grow from a
// tenth to the whole.
type SlowStart struct {
	// Window is how long it grows; zero is 10 s.
	Window time.Duration `json:"window" yaml:"window"`
	// Disabled gives it all at once.
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

// MarshalJSON writes durations as "1s".
func (p Probation) MarshalJSON() ([]byte, error) { return duration.Marshal(p) }

// UnmarshalJSON reads what MarshalJSON writes; unknown settings are refused.
func (p *Probation) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, p) }

// MarshalJSON writes durations as "1s".
func (s SlowStart) MarshalJSON() ([]byte, error) { return duration.Marshal(s) }

// UnmarshalJSON reads what MarshalJSON writes; unknown settings are refused.
func (s *SlowStart) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, s) }

// allows says that so many of all instances may be out at once.
func (e Ejection) allows(out, all int) bool {
	return out == 0 || out < all && (out == 1 || 100*out <= e.MaxPercent*all)
}

func (p Policy) withDefaults() Policy {
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
