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
	// Budget bounds the repeats and the hedges of all calls together.
	Budget Budget `json:"budget" yaml:"budget"`
	// Hedge makes a second attempt where the first takes long.
	Hedge Hedge `json:"hedge" yaml:"hedge"`
	// Seed is that of the waits; zero is a seed of its own. Another one repeats
	// its draws, for tests.
	Seed uint64 `json:"seed,omitempty" yaml:"seed,omitempty"`
	// Disabled repeats nothing.
	Disabled bool `json:"disabled" yaml:"disabled"`
}

// Budget bounds the repeats that do not succeed, and the hedges, to the larger of a
// share of the calls and a rate. While no call succeeds, what was not used before is
// not to be had: it holds in each second as it does in the long run, but for what is in
// store, two repeats, or a fifth of a second's share where that is more. The share is
// kept a tenth below Percent, as calls do not come evenly.
//
// What the share has over is saved, up to 100, which a new client has. It is spent when
// calls turn out to fail one by one: when the budget has refused a repeat and another
// call succeeds at once, to find out whether repeats help.
//
// A repeat that succeeds pays for 100 others, and no more than 200 are in store: where
// one repeat in ten succeeds, or more, they go on whatever the share is, and when none
// does, they are down to the share after 200. The repeat of a call that was refused for lack
// of room pays for nothing, since it takes the room of another call. After a
// connection that nobody took ([fault.IsUnreached]) a repeat costs nothing, but after
// three of these without a repeat that succeeded it may be that nobody is there, and
// further ones cost as much as any.
type Budget struct {
	// Percent of the calls; zero is 10.
	Percent int `json:"percent" yaml:"percent"`
	// PerSecond is allowed however few calls there are; zero is 1.
	PerSecond float64 `json:"per_second" yaml:"per_second"`
	// Disabled bounds nothing.
	Disabled bool `json:"disabled" yaml:"disabled"`
}

// Hedge makes a second attempt at the same time as one that takes longer than
// most, on another instance where there is a choice. The first success counts,
// and the other attempt is cancelled. Only what is safe to repeat is hedged. See
// "The Tail at Scale", Dean and Barroso, 2013. The zero Hedge hedges nothing.
type Hedge struct {
	// Percent of the calls may be hedged, 2 being a good choice: the slowest,
	// but for a quarter which is left for times when more of them are slow. Zero
	// hedges nothing.
	Percent int `json:"percent" yaml:"percent"`
	// After is how long an attempt takes until it is hedged; zero is how long all
	// but the slowest of the recent attempts took.
	After time.Duration `json:"after" yaml:"after"`
}

// share of the attempts are slower than the wait before a hedge.
func (h Hedge) share() float64 { return 0.75 * float64(h.Percent) / 100 }

// Middleware is a [Retrier] of its own with this policy. It panics when the
// policy does not validate.
func (p Policy) Middleware() endpoint.Middleware { return New("endpoint", p).Middleware() }

// MarshalJSON writes durations as "1s".
func (p Policy) MarshalJSON() ([]byte, error) { return duration.Marshal(p) }

// UnmarshalJSON reads what MarshalJSON writes; unknown settings are refused.
func (p *Policy) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, p) }

// UnmarshalJSON refuses unknown settings.
func (b *Budget) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, b) }

// MarshalJSON writes durations as "1s".
func (h Hedge) MarshalJSON() ([]byte, error) { return duration.Marshal(h) }

// UnmarshalJSON reads what MarshalJSON writes; unknown settings are refused.
func (h *Hedge) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, h) }

// WorstCase is the worst case of a call whose answers do not ask to wait: how many
// attempts it makes, and how long it waits between them altogether.
func (p Policy) WorstCase() (attempts int, waiting time.Duration) {
	p = p.withDefaults()
	pauses := backoff.Policy{Min: p.Backoff, Max: p.MaxBackoff}
	wait, sum := time.Duration(0), 0.0
	for left := p.Attempts - 1; left > 0; left-- {
		wait = pauses.Longest(wait)
		if wait == p.MaxBackoff { // and so are all that follow
			sum += float64(left) * float64(wait)
			break
		}
		sum += float64(wait)
	}
	return p.Attempts, time.Duration(min(sum, math.MaxInt64/2))
}

// usedUp is why there is none after the last attempt.
func (p *Policy) usedUp() string {
	switch {
	case p == &once:
		return "the call is repeated elsewhere"
	case p.Attempts == 1:
		return "the policy repeats nothing"
	}
	return strconv.Itoa(p.Attempts) + " attempts are all that the policy allows"
}

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
