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

// Rate is a policy: how many calls pass per second. The zero Rate is 100 calls per second.
type Rate struct {
	// PerSecond is the rate in the long run, in calls per second; zero is 100.
	PerSecond float64 `json:"per_second" yaml:"per_second"`
	// Burst is how many calls may pass at once after a pause, the size of the bucket; zero is
	// as many as pass in one second, and at least 1.
	Burst int `json:"burst" yaml:"burst"`
	// Disabled admits every call.
	Disabled bool `json:"disabled" yaml:"disabled"`
}

// Middleware returns the middleware of a new [RateLimiter] with this policy. It panics
// when the policy is invalid.
func (r Rate) Middleware() endpoint.Middleware { return NewRate("endpoint", r).Middleware() }

// UnmarshalJSON returns an error for unknown settings.
func (r *Rate) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, r) }

// Validate returns all errors of the policy joined, each as fault.InvalidArgument.
func (r Rate) Validate() error {
	var faults []error
	if r.PerSecond != 0 && !(r.PerSecond >= minPerSecond && r.PerSecond <= maxPerSecond) {
		faults = append(faults, fault.InvalidArgument.Errorf(
			"per_second: %v is not between %v and %v", r.PerSecond, minPerSecond, maxPerSecond))
	}
	if r.Burst < 0 {
		faults = append(faults, fault.InvalidArgument.Errorf("burst: %d is negative", r.Burst))
	}
	return errors.Join(faults...)
}

const (
	// defaultPerSecond stops a caller that has run wild, and nobody who calls by hand.
	defaultPerSecond = 100
	// minPerSecond is about one call a day.
	minPerSecond = 1e-5
	// maxPerSecond is one call a nanosecond, the unit in which the limiter counts.
	maxPerSecond = 1e9
	// maxLag is how far fullAt may lag behind the clock, in ns, before Allow moves it up. A
	// full bucket may exceed its size by that much.
	maxLag = int64(time.Microsecond)
	// maxBucket is the size of the largest bucket in ns, 73 years: the sums of Allow do not
	// overflow with it.
	maxBucket = int64(math.MaxInt64 / 4)
)

// WithDefaults returns the policy with its defaults filled in, as it is in force. r must
// be valid.
func (r Rate) WithDefaults() Rate {
	if r.PerSecond == 0 {
		r.PerSecond = defaultPerSecond
	}
	if r.Burst == 0 {
		r.Burst = int(max(1, math.Ceil(r.PerSecond)))
	}
	return r
}

// RateLimiter enforces a [Rate]. It is safe for concurrent use.
type RateLimiter struct {
	name    string
	created time.Time
	policy  atomic.Pointer[bucket]
	_       cacheLine

	fullAt  atomic.Int64 // when the bucket is full again, ns since created
	passed  atomic.Int64
	refused atomic.Int64
}

// bucket is a Rate with its derived values.
type bucket struct {
	Rate
	interval int64 // ns per token
	size     int64 // of the whole bucket, in ns
}

// RateSnapshot is the state of a [RateLimiter] at one moment.
type RateSnapshot struct {
	Name string `json:"name"`
	// Policy has its defaults filled in.
	Policy Rate `json:"policy"`
	// Passed and Refused count the calls that have passed and that were refused so far.
	Passed  int64 `json:"passed"`
	Refused int64 `json:"refused"`
	// Tokens is how many tokens the bucket has: so many calls may pass at once.
	Tokens float64 `json:"tokens"`
}

// NewRate returns a limiter with this name and a full bucket. It panics when the policy
// is invalid.
func NewRate(name string, r Rate) *RateLimiter {
	l := &RateLimiter{name: name, created: time.Now()}
	if err := l.Set(r); err != nil {
		panic("limit.NewRate(" + name + "): " + err.Error())
	}
	return l
}

// Allow uses one token. If there is none, it returns fault.ResourceExhausted with reason
// rate_limited, and does not wait.
func (l *RateLimiter) Allow() error {
	b := l.policy.Load()
	if b.Disabled {
		l.passed.Add(1)
		return nil
	}
	now := int64(time.Since(l.created))
	for {
		before := l.fullAt.Load()
		after := max(before, now) + b.interval
		switch {
		case after-now > b.size:
			return l.refuse(b, after-now-b.size)
		case before >= now-maxLag:
			// Add is cheaper than CompareAndSwap under contention.
			if over := l.fullAt.Add(b.interval) - now - b.size; over > 0 {
				l.fullAt.Add(-b.interval)
				return l.refuse(b, over)
			}
		case !l.fullAt.CompareAndSwap(before, after):
			continue
		}
		l.passed.Add(1)
		return nil
	}
}

func (l *RateLimiter) refuse(b *bucket, over int64) error {
	l.refused.Add(1)
	return fault.ResourceExhausted.Errorf("%s accepts %g calls a second", l.name, b.PerSecond).
		WithReason(fault.ReasonRateLimited).WithRetryAfter(time.Duration(over)).WithUnprocessed()
}

// Middleware returns a middleware that uses one token for each call of an endpoint, or
// returns the error of Allow.
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

// Set replaces the policy. It leaves the number of used tokens as it is, so that a bucket
// that was full is full in its new size. For an invalid policy it returns an error and
// changes nothing.
func (l *RateLimiter) Set(r Rate) error {
	if err := r.Validate(); err != nil {
		return err
	}
	r = r.WithDefaults()
	interval := max(int64(math.Round(float64(time.Second)/r.PerSecond)), 1)
	size := maxBucket
	if int64(r.Burst) < size/interval {
		size = int64(r.Burst) * interval
	}
	if before := l.policy.Swap(&bucket{Rate: r, interval: interval, size: size}); before != nil {
		l.rescale(float64(interval)/float64(before.interval), size)
	}
	return nil
}

// rescale leaves the number of tokens that are used up as it is when the time per token
// changes by a factor.
func (l *RateLimiter) rescale(factor float64, size int64) {
	for {
		fullAt, now := l.fullAt.Load(), int64(time.Since(l.created))
		taken := min(factor*float64(max(fullAt-now, 0)), float64(size))
		if l.fullAt.CompareAndSwap(fullAt, now+int64(taken)) {
			return
		}
	}
}

// Snapshot returns the limiter's state.
func (l *RateLimiter) Snapshot() RateSnapshot {
	b := l.policy.Load()
	taken := max(l.fullAt.Load()-int64(time.Since(l.created)), 0)
	return RateSnapshot{
		Name: l.name, Policy: b.Rate, Passed: l.passed.Load(), Refused: l.refused.Load(),
		Tokens: float64(max(b.size-taken, 0)) / float64(b.interval),
	}
}
