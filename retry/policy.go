package retry

import (
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/backoff"
	"github.com/sinew-go/sinew/internal/duration"
)

// Policy says how often, how soon and within which budget to repeat. The zero Policy is the
// recommended one.
type Policy struct {
	// Attempts is how many attempts a call makes at most, including the first one; zero is 3.
	Attempts int `json:"attempts" yaml:"attempts"`
	// Backoff is the shortest wait before a repeat; zero is 20 ms, or MaxBackoff if that
	// is shorter.
	Backoff time.Duration `json:"backoff" yaml:"backoff"`
	// MaxBackoff is the longest wait before a repeat, unless the error has a longer
	// RetryAfter; zero is 1 s, or Backoff if that is longer.
	MaxBackoff time.Duration `json:"max_backoff" yaml:"max_backoff"`
	// Budget bounds the repeats and hedges of all calls together.
	Budget Budget `json:"budget" yaml:"budget"`
	// Hedge starts a second attempt if the first takes long.
	Hedge Hedge `json:"hedge" yaml:"hedge"`
	// Seed makes the waits repeatable, for tests. Zero is a random seed.
	Seed uint64 `json:"seed,omitempty" yaml:"seed,omitempty"`
	// Disabled makes one attempt for each call, without a repeat or a hedge.
	Disabled bool `json:"disabled" yaml:"disabled"`
}

// Budget bounds the repeats that do not succeed, and the hedges, to the larger of a share
// of the calls and a rate. While no call succeeds, an unused budget does not accumulate:
// the bound holds in each second as in the long run, except for what is in store, which is
// two repeats, or the share of a fifth of a second if that is more. The share stays a tenth
// below Percent, since calls are uneven.
//
// Repeats that the share would have allowed and that were not needed are saved, up to 100;
// a new [Retrier] has 100. They are spent when single calls fail, to find out whether
// repeats help: when the budget has refused a repeat and another call succeeds at the first
// attempt.
//
// A repeat that succeeds pays for 100 other repeats, and at most 200 are in store. So where
// one repeat in ten succeeds, or more, repeats continue whatever the share is; when none
// succeeds, they fall to the share after 200. The repeat of a call that was refused for
// lack of room pays for no other, since it uses the room of another call. A repeat after a
// refused connection (fault.Unreached) costs nothing. But after three such repeats without
// a successful repeat the whole service may be unreachable, and further ones cost as much
// as any repeat.
type Budget struct {
	// Percent is the share, in percent of the calls; zero is 10.
	Percent int `json:"percent" yaml:"percent"`
	// PerSecond is the rate, in repeats and hedges a second. It is the larger bound where
	// calls are few. Zero is 1.
	PerSecond float64 `json:"per_second" yaml:"per_second"`
	// Disabled removes both bounds.
	Disabled bool `json:"disabled" yaml:"disabled"`
}

// Hedge starts a second attempt at the same time as one that takes longer than most, on
// another instance if there is one. The first success counts, and the other attempt is
// cancelled. Only operations that are safe to repeat are hedged. See "The Tail at Scale",
// Dean and Barroso, 2013. The zero Hedge hedges nothing.
type Hedge struct {
	// Percent is how many of the calls may be hedged; 2 is a good choice, and zero hedges
	// nothing. Three quarters of them are the slowest calls; a quarter is a reserve for
	// times when more of them are slow.
	Percent int `json:"percent" yaml:"percent"`
	// After is how long an attempt takes until it is hedged; zero is how long all but the
	// slowest of the recent attempts took.
	After time.Duration `json:"after" yaml:"after"`
}

// slowShare is the share of the attempts that take longer than the wait before a hedge.
func (h Hedge) slowShare() float64 { return 0.75 * float64(h.Percent) / 100 }

// Middleware returns the middleware of a new [Retrier] with this policy. It panics when the
// policy is invalid.
func (p Policy) Middleware() endpoint.Middleware { return New("endpoint", p).Middleware() }

// MarshalJSON writes durations as "1s".
func (p Policy) MarshalJSON() ([]byte, error) { return duration.Marshal(p) }

// UnmarshalJSON reads what MarshalJSON writes. It returns an error for unknown settings.
func (p *Policy) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, p) }

// UnmarshalJSON returns an error for unknown settings.
func (b *Budget) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, b) }

// MarshalJSON writes durations as "1s".
func (h Hedge) MarshalJSON() ([]byte, error) { return duration.Marshal(h) }

// UnmarshalJSON reads what MarshalJSON writes. It returns an error for unknown settings.
func (h *Hedge) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, h) }

// WorstCase returns how many attempts a call makes at most, and how long it waits between
// them in all at most, if no error has a RetryAfter.
func (p Policy) WorstCase() (attempts int, waiting time.Duration) {
	p = p.WithDefaults()
	pauses := backoff.Policy{Min: p.Backoff, Max: p.MaxBackoff}
	wait, sum := time.Duration(0), 0.0
	for left := p.Attempts - 1; left > 0; left-- {
		wait = pauses.Longest(wait)
		if wait == p.MaxBackoff { // as do all that follow
			sum += float64(left) * float64(wait)
			break
		}
		sum += float64(wait)
	}
	return p.Attempts, time.Duration(min(sum, math.MaxInt64/2))
}

// exhaustedReason says why there is no further attempt.
func (p *Policy) exhaustedReason() string {
	switch {
	case p == &singleAttempt:
		return "the call is repeated elsewhere"
	case p.Attempts == 1:
		return "the policy repeats nothing"
	}
	return strconv.Itoa(p.Attempts) + " attempts are all that the policy allows"
}

// Validate returns all errors of the policy joined, each as fault.InvalidArgument.
func (p Policy) Validate() error {
	var faults []error
	bad := func(format string, args ...any) {
		faults = append(faults, fault.InvalidArgument.Errorf(format, args...))
	}
	if p.Attempts < 0 {
		bad("attempts: %d is negative", p.Attempts)
	}
	faults = append(faults, backoff.Check(p.Backoff, p.MaxBackoff)...)
	if p.Budget.Percent < 0 || p.Budget.Percent > 100 {
		bad("budget.percent: %d is not between 0 and 100", p.Budget.Percent)
	}
	if !(p.Budget.PerSecond >= 0 && p.Budget.PerSecond <= maxPerSecond) {
		bad("budget.per_second: %v is not between 0 and %v", p.Budget.PerSecond, maxPerSecond)
	}
	if p.Hedge.Percent < 0 || p.Hedge.Percent > 100 {
		bad("hedge.percent: %d is not between 0 and 100", p.Hedge.Percent)
	}
	if p.Hedge.After < 0 {
		bad("hedge.after: %s is negative", p.Hedge.After)
	}
	if p.Hedge.After > 0 && p.Hedge.Percent == 0 {
		bad("hedge.after: %s hedges nothing without hedge.percent", p.Hedge.After)
	}
	return errors.Join(faults...)
}

const maxPerSecond = 1e9

// WithDefaults returns the policy with its defaults filled in, as it is in force. p must
// be valid.
func (p Policy) WithDefaults() Policy {
	if p.Attempts == 0 {
		p.Attempts = 3
	}
	backoff.SetDefaults(&p.Backoff, &p.MaxBackoff, 20*time.Millisecond, time.Second)
	if p.Budget.Percent == 0 {
		p.Budget.Percent = 10
	}
	if p.Budget.PerSecond == 0 {
		p.Budget.PerSecond = 1
	}
	if p.Disabled {
		p.Attempts = 1
	}
	return p
}
