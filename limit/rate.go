package limit

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/duration"
)

// Rate is a policy: how many calls per second. The zero Rate is 100.
type Rate struct {
	// PerSecond is the rate in the long run; zero is 100.
	PerSecond float64 `json:"per_second" yaml:"per_second"`
	// Burst may pass at once after a pause; zero is one second's worth, at
	// least 1.
	Burst int `json:"burst" yaml:"burst"`
	// Disabled lets everything through.
	Disabled bool `json:"disabled" yaml:"disabled"`
}

// Middleware is a [RateLimiter] of its own with this policy. It panics when the
// policy does not validate.
func (r Rate) Middleware() endpoint.Middleware { return NewRate("endpoint", r).Middleware() }

// UnmarshalJSON refuses unknown settings.
func (r *Rate) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, r) }

// Validate reports every fault of the policy at once, as fault.InvalidArgument.
func (r Rate) Validate() error {
	var faults []error
	if r.PerSecond != 0 && !(r.PerSecond >= minPerSecond && r.PerSecond <= maxPerSecond) {
		faults = append(faults, fault.InvalidArgument.Errorf("per_second: %v is not between %v and %v", r.PerSecond, minPerSecond, maxPerSecond))
	}
	if r.Burst < 0 {
		faults = append(faults, fault.InvalidArgument.Errorf("burst: %d is negative", r.Burst))
	}
	return errors.Join(faults...)
}

// The bounds of a rate: about one in a day, and one in a nanosecond.
const (
	minPerSecond = 1e-5
	maxPerSecond = 1e9
)

func (r Rate) withDefaults() Rate {
	if r.PerSecond == 0 {
		r.PerSecond = 100
	}
	if r.Burst == 0 {
		r.Burst = int(max(1, math.Ceil(r.PerSecond)))
	}
	return r
}

// RateLimiter holds calls to a [Rate]. It is safe for concurrent use.
type RateLimiter struct {
	name   string
	born   time.Time
	policy atomic.Pointer[bucket]
	_      [64]byte // what is written is apart from what is only read

	due     atomic.Int64 // when the bucket is full again, in ns since born
	passed  atomic.Int64
	refused atomic.Int64
}

// bucket is a Rate made ready.
type bucket struct {
	Rate
	interval int64 // ns per token
	size     int64 // of the whole bucket, in ns
}

// RateSnapshot is the state of a [RateLimiter] at one moment.
type RateSnapshot struct {
	Name   string `json:"name"`
	Policy Rate   `json:"policy"`
	// Passed and Refused are all calls so far.
	Passed  int64 `json:"passed"`
	Refused int64 `json:"refused"`
	// Tokens are what may pass at once now.
	Tokens float64 `json:"tokens"`
}

// NewRate makes the limiter of this name, its bucket full. It panics when the
// policy does not validate.
func NewRate(name string, r Rate) *RateLimiter {
	l := &RateLimiter{name: name, born: time.Now()}
	if err := l.Set(r); err != nil {
		panic("limit.NewRate(" + name + "): " + err.Error())
	}
	return l
}

// Allow takes a token, or is fault.ResourceExhausted.
func (l *RateLimiter) Allow() error {
	b := l.policy.Load()
	if b.Disabled {
		l.passed.Add(1)
		return nil
	}
	now := int64(time.Since(l.born))
	for {
		before := l.due.Load()
		after := max(before, now) + b.interval
		switch {
		case after-now > b.size:
			return l.refuse(b, after-now-b.size)
		case before >= now-slack:
			// Adding is cheaper than exchanging where many do it.
			if over := l.due.Add(b.interval) - now - b.size; over > 0 {
				l.due.Add(-b.interval)
				return l.refuse(b, over)
			}
		case !l.due.CompareAndSwap(before, after):
			continue
		}
		l.passed.Add(1)
		return nil
	}
}

// slack is how far the bucket may lag behind the clock, in ns: the calls of so
// short a while need not each see to it that it does not overflow.
const slack = int64(time.Microsecond)

func (l *RateLimiter) refuse(b *bucket, over int64) error {
	l.refused.Add(1)
	return fault.ResourceExhausted.Errorf("%s takes %g calls a second", l.name, b.PerSecond).
		WithReason("rate_limited").WithRetryAfter(time.Duration(over)).WithUnprocessed()
}

// Middleware limits an endpoint.
func (l *RateLimiter) Middleware() endpoint.Middleware {
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			if err := l.Allow(); err != nil {
				return nil, err
			}
			return next(ctx, request)
		}
	}
}

// Set replaces the policy; the tokens that were taken stay taken. An invalid
// policy is refused.
func (l *RateLimiter) Set(r Rate) error {
	if err := r.Validate(); err != nil {
		return err
	}
	r = r.withDefaults()
	interval := max(int64(math.Round(float64(time.Second)/r.PerSecond)), 1)
	size := int64(math.MaxInt64 / 4)
	if int64(r.Burst) < size/interval {
		size = int64(r.Burst) * interval
	}
	if before := l.policy.Swap(&bucket{Rate: r, interval: interval, size: size}); before != nil {
		l.rescale(float64(interval)/float64(before.interval), size)
	}
	return nil
}

// rescale makes what is taken as many tokens as it was when tokens took less or
// more time.
func (l *RateLimiter) rescale(by float64, size int64) {
	for {
		due, now := l.due.Load(), int64(time.Since(l.born))
		taken := min(by*float64(max(due-now, 0)), float64(size))
		if l.due.CompareAndSwap(due, now+int64(taken)) {
			return
		}
	}
}

// Snapshot is the limiter's state.
func (l *RateLimiter) Snapshot() RateSnapshot {
	b := l.policy.Load()
	taken := max(l.due.Load()-int64(time.Since(l.born)), 0)
	return RateSnapshot{
		Name: l.name, Policy: b.Rate, Passed: l.passed.Load(), Refused: l.refused.Load(),
		Tokens: float64(max(b.size-taken, 0)) / float64(b.interval),
	}
}
