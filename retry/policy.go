package retry

import (
	"errors"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/duration"
)

// Policy is how often and how soon to repeat. The zero Policy is the recommended
// one.
type Policy struct {
	// Attempts are made at most, the first included; zero is 3.
	Attempts int `json:"attempts" yaml:"attempts"`
	// Backoff is the shortest wait before a repeat; zero is 20 ms.
	Backoff time.Duration `json:"backoff" yaml:"backoff"`
	// MaxBackoff is the longest, unless the answer asks for more; zero is 1 s,
	// or Backoff where that is longer.
	MaxBackoff time.Duration `json:"max_backoff" yaml:"max_backoff"`
	// Budget bounds the repeats of all calls together.
	Budget Budget `json:"budget" yaml:"budget"`
	// Disabled repeats nothing.
	Disabled bool `json:"disabled" yaml:"disabled"`
}

// Budget bounds repeats to a share of recent calls and a floor.
type Budget struct {
	// Percent of the calls of the last 10 s; zero is 20.
	Percent int `json:"percent" yaml:"percent"`
	// PerSecond is allowed in any case; zero is 10.
	PerSecond float64 `json:"per_second" yaml:"per_second"`
	// Disabled bounds nothing.
	Disabled bool `json:"disabled" yaml:"disabled"`
}

// Middleware is a [Retrier] of its own with this policy. It panics when the
// policy does not validate.
func (p Policy) Middleware() endpoint.Middleware { return New("endpoint", p).Middleware() }

// MarshalJSON writes durations as "1s".
func (p Policy) MarshalJSON() ([]byte, error) { return duration.Marshal(p) }

// UnmarshalJSON reads what MarshalJSON writes; unknown settings are refused.
func (p *Policy) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, p) }

// UnmarshalJSON refuses unknown settings.
func (b *Budget) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, b) }

// Validate reports every fault of the policy at once, as fault.InvalidArgument.
func (p Policy) Validate() error {
	var faults []error
	bad := func(format string, args ...any) {
		faults = append(faults, fault.InvalidArgument.Errorf(format, args...))
	}
	if p.Attempts < 0 {
		bad("attempts: %d is negative", p.Attempts)
	}
	if p.Backoff < 0 {
		bad("backoff: %s is negative", p.Backoff)
	}
	if p.MaxBackoff < 0 || p.MaxBackoff > 0 && p.MaxBackoff < p.Backoff {
		bad("max_backoff: %s is less than backoff, %s", p.MaxBackoff, p.Backoff)
	}
	if p.Budget.Percent < 0 || p.Budget.Percent > 100 {
		bad("budget.percent: %d is not between 0 and 100", p.Budget.Percent)
	}
	if !(p.Budget.PerSecond >= 0 && p.Budget.PerSecond <= maxPerSecond) {
		bad("budget.per_second: %v is not between 0 and %v", p.Budget.PerSecond, maxPerSecond)
	}
	return errors.Join(faults...)
}

const maxPerSecond = 1e9

func (p Policy) withDefaults() Policy {
	if p.Attempts == 0 {
		p.Attempts = 3
	}
	if p.Backoff == 0 {
		p.Backoff = 20 * time.Millisecond
	}
	if p.MaxBackoff == 0 {
		p.MaxBackoff = max(time.Second, p.Backoff)
	}
	if p.Budget.Percent == 0 {
		p.Budget.Percent = 20
	}
	if p.Budget.PerSecond == 0 {
		p.Budget.PerSecond = 10
	}
	if p.Disabled {
		p.Attempts = 1
	}
	return p
}
