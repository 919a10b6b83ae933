package limit

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/deadline"
	"github.com/sinew-go/sinew/internal/panicked"
)

// AdaptiveLimiter enforces an [Adaptive]. It is safe for concurrent use. A call locks
// nothing, except when more calls are in flight than ever before, when its operation
// is new, or once there are more than 200 operations.
type AdaptiveLimiter struct {
	name           string
	created        time.Time
	limiting       atomic.Bool   // an overload was detected, and calls are limited
	hasExcepted    atomic.Bool   // some operations are outside of the limit
	limit          atomic.Int64  // of calls in flight
	ceiling        atomic.Int64  // the limit for every priority: Policy.Max
	nextEvaluation atomic.Int64  // when the next call evaluates the window, ns since created
	target         atomic.Int64  // target latency, ns
	sampleMask     atomic.Uint32 // a call is timed if its slot's generation has none of these bits
	_              [64]byte

	slots      slots
	_          [64]byte
	tally      tally
	_          [64]byte
	controller controller

	operations *operations
}

// AdaptiveSnapshot is the state of an [AdaptiveLimiter] at one moment.
type AdaptiveSnapshot struct {
	Name   string   `json:"name"`
	Policy Adaptive `json:"policy"`
	// Limit is how many calls may be in flight; zero says that there is no overload.
	Limit int `json:"limit"`
	// Phase is what the limiter does, and Reason why it limits calls; "" in the phase
	// Unlimited.
	Phase  Phase  `json:"phase"`
	Reason Reason `json:"reason,omitempty"`
	// Running is the number of calls in flight.
	Running int `json:"running"`
	// Passed and Refused count all calls so far, except those whose caller had gone
	// before Acquire.
	Passed  int64 `json:"passed"`
	Refused int64 `json:"refused"`
	// Wasted is how many of Passed ended after their caller had gone.
	Wasted int64 `json:"wasted"`
	// Usual is the baseline, how long a success takes without overload, of the
	// operation that is called most. Target is the target latency, how long calls may
	// take while others are refused.
	Usual  time.Duration `json:"usual"`
	Target time.Duration `json:"target"`
}

// NewAdaptive returns a limiter with this name. It panics when the policy is invalid.
func NewAdaptive(name string, a Adaptive) *AdaptiveLimiter {
	l := &AdaptiveLimiter{name: name, created: time.Now(), operations: newOperations()}
	if err := l.Set(a); err != nil {
		panic("limit.NewAdaptive(" + name + "): " + err.Error())
	}
	return l
}

// Acquire returns at once: a permit for one call, or the zero AdaptivePermit for an operation
// outside of the limit. The error is fault.Unavailable if the limit is reached or the
// caller's deadline cannot be met, and fault.Canceled or fault.DeadlineExceeded if ctx
// has ended.
func (l *AdaptiveLimiter) Acquire(ctx context.Context) (AdaptivePermit, error) {
	if callerGone(ctx) {
		return AdaptivePermit{}, abandonedError(ctx, l.name)
	}
	if l.hasExcepted.Load() && l.operations.forCall(ctx).excepted {
		return AdaptivePermit{}, nil
	}
	if l.limiting.Load() {
		return l.acquireLimited(ctx)
	}
	limit := int(l.limit.Load())
	slot, generation, ok := l.slots.acquire(limit + int(l.slots.exemptFromMax.Load()))
	if !ok {
		return AdaptivePermit{}, l.overloaded(limit, "and as many are under way")
	}
	t := AdaptivePermit{limiter: l, slot: slot, generation: generation}
	if generation&l.sampleMask.Load() == 0 {
		l.startTiming(ctx, &t)
		l.markStarted(&t)
	}
	return t, nil
}

func (l *AdaptiveLimiter) startTiming(ctx context.Context, t *AdaptivePermit) {
	t.operation = l.operations.forCall(ctx)
	t.startedAt = int64(endpoint.Elapsed(ctx, l.created))
	if until, ok := ctx.Deadline(); ok && !deadline.IsForeign(ctx) { // others are no evidence
		t.budget = max(int64(until.Sub(l.created))-t.startedAt, 1)
	}
	if t.startedAt >= l.nextEvaluation.Load() {
		l.evaluate(t.startedAt)
	}
}

// markStarted counts a timed call as in flight.
func (l *AdaptiveLimiter) markStarted(t *AdaptivePermit) {
	t.hopeless = t.operation.baseline() > 0 && t.operation.hopeless(t.budget)
	l.slots.markStarted(t.slot, t.startedAt, t.hopeless)
	if !t.hopeless {
		t.operation.inFlight.Add(1)
	}
}

// acquireLimited is Acquire while there is a limit. It refuses calls whose caller will
// not wait for the answer first, then those of the lowest priority.
func (l *AdaptiveLimiter) acquireLimited(ctx context.Context) (AdaptivePermit, error) {
	t := AdaptivePermit{limiter: l}
	l.startTiming(ctx, &t)
	if t.budget == 1 {
		return AdaptivePermit{}, abandonedError(ctx, l.name)
	}
	limit, inFlight := int(l.limit.Load()), l.slots.needingRoom()
	if baseline := t.operation.baseline(); t.budget > 0 && float64(t.budget) < baseline/2 && inFlight >= limit/2 {
		return AdaptivePermit{}, l.overloaded(limit, "and the caller waits for %s only", time.Duration(t.budget))
	}
	if inFlight >= limit/2 {
		limit = min(priorityShare(ctx, limit), int(l.ceiling.Load()))
	}
	var ok bool
	bound := min(limit+int(l.slots.exempt.Load()), int(l.ceiling.Load()+l.slots.exemptFromMax.Load()))
	if t.slot, t.generation, ok = l.slots.acquire(bound); !ok {
		return AdaptivePermit{}, l.overloaded(limit, "and as many are under way")
	}
	l.markStarted(&t)
	return t, nil
}

// Middleware limits an endpoint. A panic counts as a failure.
func (l *AdaptiveLimiter) Middleware() endpoint.Middleware {
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (response any, err error) {
			permit, err := l.Acquire(ctx)
			if err != nil {
				return nil, err
			}
			err = panicked.Err
			defer func() { permit.Done(ctx, err) }()
			return next(ctx, request)
		}
	}
}

// Set replaces the policy. Calls in flight and measurements stay. It returns an error
// for an invalid policy and keeps the old one.
func (l *AdaptiveLimiter) Set(a Adaptive) error {
	if err := a.Validate(); err != nil {
		return err
	}
	c := &l.controller
	c.mu.Lock()
	defer c.mu.Unlock()
	c.policy = a.WithDefaults()
	l.operations.setExcept(a.Except)
	l.hasExcepted.Store(len(a.Except) > 0)
	l.publish()
	return nil
}

// Snapshot returns the limiter's state.
func (l *AdaptiveLimiter) Snapshot() AdaptiveSnapshot {
	c := &l.controller
	c.mu.Lock()
	defer c.mu.Unlock()
	s := AdaptiveSnapshot{Name: l.name, Policy: c.policy, Running: l.slots.inUse(), Refused: l.tally.refused.Load(), Wasted: l.tally.wasted.Load(), Target: time.Duration(c.target)}
	busiest := int64(-1)
	l.operations.each(func(o *operation) {
		if n := o.succeeded.Load(); n > busiest {
			busiest, s.Usual = n, time.Duration(o.baseline())
		}
	})
	s.Passed = l.tally.ended() + int64(s.Running)
	s.Phase = Unlimited
	if c.phase != unlimited && !c.policy.Disabled {
		s.Limit, s.Phase, s.Reason = int(l.limit.Load()), c.phase.exported(), c.reason
	}
	return s
}

func (l *AdaptiveLimiter) finish(ctx context.Context, t AdaptivePermit, err error) {
	waited, ok := l.slots.release(t.slot, t.generation)
	if !ok {
		return
	}
	if t.operation == nil {
		if err == nil && !callerGone(ctx) {
			l.tally.succeeded.Add(1)
		} else {
			l.tally.addUntimed(ctx)
		}
		return
	}
	if !t.hopeless {
		t.operation.inFlight.Add(-1)
	}
	now := int64(endpoint.Elapsed(ctx, l.created))
	took := now - t.startedAt
	gone := t.budget > 0 && took >= t.budget || callerGone(ctx)
	l.tally.add(ctx, timedCall{t.operation, max(took-waited, 0), t.budget, gone}, err)
	if now >= l.nextEvaluation.Load() {
		l.evaluate(now)
	}
}

func (l *AdaptiveLimiter) now() int64 { return int64(time.Since(l.created)) }

// callerGone does not see the deadline in a permit's budget.
func callerGone(ctx context.Context) bool { return endpoint.CallerOf(ctx).Err() != nil }

// priorityShare is the limit for a call of this priority.
func priorityShare(ctx context.Context, limit int) int {
	c := endpoint.CallOf(ctx)
	if c == nil || c.Priority == 0 {
		return limit
	}
	return max(limit+limit*min(max(c.Priority, -5), 5)/10, 1)
}

func (l *AdaptiveLimiter) overloaded(limit int, why string, args ...any) error {
	l.tally.refused.Add(1)
	return fault.Unavailable.Errorf("%s takes %d calls at once now, "+why, append([]any{l.name, limit}, args...)...).
		WithReason(fault.ReasonOverloaded).WithRetryAfter(min(max(time.Duration(l.target.Load())/4, 20*time.Millisecond), time.Second)).WithUnprocessed()
}

// abandonedError is the error for a caller that waits no longer.
func abandonedError(ctx context.Context, name string) error {
	err := ctx.Err()
	if err == nil {
		err = context.DeadlineExceeded
	}
	return fault.CodeOf(err).Errorf("%s: the caller waited no longer for its turn: %w", name, err).WithUnprocessed()
}
