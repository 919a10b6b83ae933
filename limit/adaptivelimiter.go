package limit

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/internal/deadline"
	"github.com/sinew-go/sinew/internal/panicked"
)

// AdaptiveLimiter enforces an [Adaptive]. It is safe for concurrent use. A call waits for no
// lock, except when more calls are in flight than ever before, or when its operation is
// new.
type AdaptiveLimiter struct {
	name       string
	created    time.Time
	operations *operations

	// What calls read: the policy, and the setting of the controller.
	limiting       atomic.Bool   // an overload was detected, and calls are limited
	hasExcepted    atomic.Bool   // some operations are outside of the limit
	limit          atomic.Int64  // of calls in flight
	ceiling        atomic.Int64  // the limit for every priority: Adaptive.Max
	nextEvaluation atomic.Int64  // when the next call evaluates the window, ns since created
	target         atomic.Int64  // target latency, ns
	sampleMask     atomic.Uint32 // a call is timed if its slot's generation has none of these bits
	_              cacheLine

	// What calls write.
	slots slots
	_     cacheLine
	tally tally
	_     cacheLine

	mu            sync.Mutex // guards what follows; calls try it, and do not wait for it
	policy        Adaptive
	controller    controller
	setting       setting // the last one of the controller
	windowStart   int64   // ns since created
	countsAtStart counts  // of the tally, at windowStart
}

// NewAdaptive returns a limiter with this name. It panics when the policy is invalid.
func NewAdaptive(name string, a Adaptive) *AdaptiveLimiter {
	l := &AdaptiveLimiter{name: name, created: time.Now(), operations: newOperations()}
	l.controller = newController()
	l.setting = l.controller.setting(window{}, baselineChange{})
	if err := l.Set(a); err != nil {
		panic("limit.NewAdaptive(" + name + "): " + err.Error())
	}
	return l
}

// Acquire admits a call or refuses it, and does not wait. For an operation of Except it
// returns the zero AdaptivePermit. It returns fault.Unavailable if the limit is reached or
// the caller's deadline cannot be met, and fault.Canceled or fault.DeadlineExceeded if ctx
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
	p := AdaptivePermit{limiter: l, slot: slot, generation: generation}
	if generation&l.sampleMask.Load() == 0 {
		l.startTiming(ctx, &p)
		l.markStarted(&p)
	}
	return p, nil
}

// acquireLimited is Acquire while there is a limit. It refuses calls whose caller will
// not wait for the answer first, then those of the lowest priority.
func (l *AdaptiveLimiter) acquireLimited(ctx context.Context) (AdaptivePermit, error) {
	p := AdaptivePermit{limiter: l}
	l.startTiming(ctx, &p)
	if p.budget == noTimeLeft {
		return AdaptivePermit{}, abandonedError(ctx, l.name)
	}
	limit := int(l.limit.Load())
	if l.slots.needingRoom() >= limit/strictFrom {
		if p.operation.expectation().isHurried(p.budget) {
			wait := time.Duration(p.budget)
			return AdaptivePermit{}, l.overloaded(limit, "and the caller waits for %s only", wait)
		}
		limit = min(priorityShare(ctx, limit), int(l.ceiling.Load()))
	}
	var ok bool
	bound := min(limit+int(l.slots.exempted.Load()), int(l.ceiling.Load()+l.slots.exemptFromMax.Load()))
	if p.slot, p.generation, ok = l.slots.acquire(bound); !ok {
		return AdaptivePermit{}, l.overloaded(limit, "and as many are under way")
	}
	l.markStarted(&p)
	return p, nil
}

// noTimeLeft is the budget of a call whose deadline has passed; 0 says that it has none.
const noTimeLeft = 1

// startTiming notes when a call starts and how long its caller waits. A deadline of an
// untrusted caller is no evidence.
func (l *AdaptiveLimiter) startTiming(ctx context.Context, p *AdaptivePermit) {
	p.operation = l.operations.forCall(ctx)
	p.startedAt = int64(callctx.Elapsed(ctx, l.created))
	if until, ok := ctx.Deadline(); ok && !deadline.IsForeign(ctx) {
		p.budget = max(int64(until.Sub(l.created))-p.startedAt, noTimeLeft)
	}
	if p.startedAt >= l.nextEvaluation.Load() {
		l.evaluate(p.startedAt)
	}
}

// markStarted counts a timed call as in flight.
func (l *AdaptiveLimiter) markStarted(p *AdaptivePermit) {
	e := p.operation.expectation()
	p.hopeless = e.isKnown() && e.isHopeless(p.budget)
	l.slots.markStarted(p.slot, p.startedAt, p.hopeless)
	if !p.hopeless {
		p.operation.inFlight.Add(1)
	}
}

// Middleware returns a middleware that makes each call of an endpoint with a permit, or
// returns the error of Acquire. A panic of the endpoint counts as a failure.
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

// Set replaces the policy. Calls in flight continue, and measurements stay. For an invalid
// policy it returns an error and changes nothing.
func (l *AdaptiveLimiter) Set(a Adaptive) error {
	if err := a.Validate(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.policy = a.WithDefaults()
	l.controller.min, l.controller.max = float64(l.policy.Min), float64(l.policy.Max)
	l.operations.setExcept(a.Except)
	l.hasExcepted.Store(len(a.Except) > 0)
	l.publish()
	return nil
}

// finish ends the call of a permit.
func (l *AdaptiveLimiter) finish(ctx context.Context, p AdaptivePermit, err error) {
	paused, ok := l.slots.release(p.slot, p.generation)
	if !ok {
		return
	}
	if p.operation == nil {
		l.tally.addUntimed(ctx, err)
		return
	}
	if !p.hopeless {
		p.operation.inFlight.Add(-1)
	}
	now := int64(callctx.Elapsed(ctx, l.created))
	took := now - p.startedAt
	gone := p.budget > 0 && took >= p.budget || callerGone(ctx)
	l.tally.add(ctx, timedCall{p.operation, max(took-paused, 0), p.budget, gone}, err)
	if now >= l.nextEvaluation.Load() {
		l.evaluate(now)
	}
}

// evaluate ends the window if it shows enough, and has the controller decide.
func (l *AdaptiveLimiter) evaluate(now int64) {
	if !l.mu.TryLock() {
		return
	}
	defer l.mu.Unlock()
	length := now - l.windowStart
	if length < minPileUpWindow {
		l.nextEvaluation.Store(l.windowStart + minPileUpWindow)
		return
	}
	counts := l.tally.counts()
	w := window{
		counts: counts.since(l.countsAtStart), start: l.windowStart, now: now, length: length,
		inFlight: l.slots.needingRoom(), backlog: l.operations.backlog(length),
	}
	if w.pilesUp = l.controller.pilesUp(w); !w.isOver() {
		l.nextEvaluation.Store(now + recheckInterval)
		return
	}
	limited := l.setting.phase != Unlimited
	if limited || w.mostlyLate() {
		l.slots.exemptOlder(now - l.setting.longRunning)
		w.inFlight = l.slots.needingRoom()
	}
	w.allInFlight = l.slots.inUse()
	l.countsAtStart, l.windowStart = counts, now
	l.operations.closeWindow(w.start, now, limited || w.mostlyLate() || w.refused > 0)
	l.setting = l.controller.next(w)
	l.operations.change(l.setting.baselines, length)
	l.nextEvaluation.Store(now + minPileUpWindow)
	l.publish()
}

// publish copies policy and setting to where calls read them. The caller holds the lock.
func (l *AdaptiveLimiter) publish() {
	limit := int64(l.policy.Max)
	if l.setting.phase != Unlimited {
		limit = min(limit, int64(l.setting.limit))
	}
	if l.policy.Disabled {
		limit = maxInFlight
	}
	l.limiting.Store(l.setting.phase != Unlimited && !l.policy.Disabled)
	l.limit.Store(limit)
	l.ceiling.Store(int64(l.policy.Max))
	l.sampleMask.Store(l.setting.sampleMask)
	l.target.Store(int64(l.setting.target))
}

func (l *AdaptiveLimiter) now() int64 { return int64(time.Since(l.created)) }

// callerGone says that the caller's context has ended. It may miss a deadline that has just
// passed; the budget of a permit shows that.
func callerGone(ctx context.Context) bool { return callctx.CallerOf(ctx).Err() != nil }

// priorityShare is the limit for a call of the priority in ctx.
func priorityShare(ctx context.Context, limit int) int {
	c := call.Of(ctx)
	if c == nil || c.Priority == 0 {
		return limit
	}
	return max(limit+limit*min(max(c.Priority, -maxPriority), maxPriority)/priorityParts, 1)
}

// overloaded counts a refusal.
func (l *AdaptiveLimiter) overloaded(limit int, why string, args ...any) error {
	l.tally.refused.Add(1)
	retryAfter := min(max(time.Duration(l.target.Load())/retryAfterParts, minRetryAfter), maxRetryAfter)
	args = append([]any{l.name, limit}, args...)
	return fault.Unavailable.Errorf("%s accepts %d calls at once now, "+why, args...).
		WithReason(fault.ReasonOverloaded).WithRetryAfter(retryAfter).WithUnprocessed()
}

// abandonedError is the error for a caller that waits no longer.
func abandonedError(ctx context.Context, name string) error {
	err := ctx.Err()
	if err == nil {
		err = context.DeadlineExceeded
	}
	return fault.CodeOf(err).Errorf("%s: the caller gave up before it was admitted: %w", name, err).
		WithUnprocessed()
}
