package limit

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

// ConcurrencyLimiter enforces a [Concurrency]. It is safe for concurrent use.
type ConcurrencyLimiter struct {
	name string

	mu        sync.Mutex
	policy    Concurrency
	running   int
	waiting   *list.List // of *waiter, the oldest first
	passed    int64
	refused   int64
	wasted    int64
	queueRate queueRate
}

// waiter is a call in the queue; admitted is closed when it may run.
type waiter struct {
	ctx      context.Context
	admitted chan struct{}
	permit   ConcurrencyPermit
}

// ConcurrencySnapshot is the state of a [ConcurrencyLimiter] at one moment.
type ConcurrencySnapshot struct {
	Name string `json:"name"`
	// Policy has its defaults filled in.
	Policy Concurrency `json:"policy"`
	// Running is the number of calls that run, and Waiting that of calls in the queue.
	Running int `json:"running"`
	Waiting int `json:"waiting"`
	// Passed and Refused count the calls that ran and that were refused so far. A call whose
	// context ended before it could run is in neither.
	Passed  int64 `json:"passed"`
	Refused int64 `json:"refused"`
	// Wasted is how many of Passed ended after their caller had gone.
	Wasted int64 `json:"wasted"`
}

// NewConcurrency returns a limiter with this name. It panics when the policy is
// invalid.
func NewConcurrency(name string, c Concurrency) *ConcurrencyLimiter {
	if err := c.Validate(); err != nil {
		panic("limit.NewConcurrency(" + name + "): " + err.Error())
	}
	return &ConcurrencyLimiter{name: name, policy: c.WithDefaults(), waiting: list.New()}
}

// Acquire waits until the call may run. It returns fault.Unavailable if the queue is full,
// if the queue moves too slowly for the caller's deadline, or if the call has waited for
// the policy's MaxWait, and fault.Canceled or fault.DeadlineExceeded if ctx ends first.
func (l *ConcurrencyLimiter) Acquire(ctx context.Context) (ConcurrencyPermit, error) {
	if ctx.Err() != nil {
		return ConcurrencyPermit{}, abandonedError(ctx, l.name)
	}
	l.mu.Lock()
	if l.policy.Disabled || l.running < l.policy.Max && l.waiting.Len() == 0 {
		defer l.mu.Unlock()
		return l.start(ctx), nil
	}
	if l.waiting.Len() >= l.policy.Queue {
		l.dropAbandoned()
	}
	if l.waiting.Len() >= l.policy.Queue {
		defer l.mu.Unlock()
		return ConcurrencyPermit{}, l.overloaded("and its queue of %d is full", max(l.policy.Queue, 0))
	}
	if l.waiting.Len() == 0 {
		l.queueRate = queueRate{}
	}
	ahead := l.waiting.Len()
	if deadline, ok := ctx.Deadline(); ok && l.queueRate.minWait(ahead) > time.Until(deadline) {
		defer l.mu.Unlock()
		return ConcurrencyPermit{}, l.overloaded("and %d wait before this one, too many for its deadline", ahead)
	}
	w := &waiter{ctx: ctx, admitted: make(chan struct{})}
	element := l.waiting.PushBack(w)
	maxWait := l.policy.MaxWait
	l.mu.Unlock()
	return l.wait(w, element, maxWait)
}

// Middleware returns a middleware that makes each call of an endpoint with a permit, or
// returns the error of Acquire.
func (l *ConcurrencyLimiter) Middleware() endpoint.Middleware {
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			permit, err := l.Acquire(ctx)
			if err != nil {
				return nil, err
			}
			defer permit.Done()
			return next(ctx, request)
		}
	}
}

// Set replaces the policy. Running calls continue, and a higher Max admits waiting ones. For
// an invalid policy it returns an error and changes nothing.
func (l *ConcurrencyLimiter) Set(c Concurrency) error {
	if err := c.Validate(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.policy = c.WithDefaults()
	l.admitWaiting()
	return nil
}

// Snapshot returns the limiter's state.
func (l *ConcurrencyLimiter) Snapshot() ConcurrencySnapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	return ConcurrencySnapshot{l.name, l.policy, l.running, l.waiting.Len(), l.passed, l.refused, l.wasted}
}

// wait waits in the queue.
func (l *ConcurrencyLimiter) wait(
	w *waiter, element *list.Element, maxWait time.Duration,
) (ConcurrencyPermit, error) {
	timer := time.NewTimer(maxWait)
	defer timer.Stop()
	select {
	case <-w.admitted:
		return w.permit, nil
	case <-w.ctx.Done():
	case <-timer.C:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-w.admitted: // while this call was waiting for the lock
		if w.ctx.Err() == nil {
			return w.permit, nil
		}
		l.passed--
		l.end()
		return ConcurrencyPermit{}, abandonedError(w.ctx, l.name)
	default:
	}
	l.waiting.Remove(element)
	if w.ctx.Err() != nil {
		return ConcurrencyPermit{}, abandonedError(w.ctx, l.name)
	}
	return ConcurrencyPermit{}, l.overloaded("and none has ended for %s", maxWait)
}

// start counts a call as running. The caller holds the lock.
func (l *ConcurrencyLimiter) start(ctx context.Context) ConcurrencyPermit {
	l.running++
	l.passed++
	return ConcurrencyPermit{l, ctx}
}

// finish ends a call that ran. callerGone says that nobody waits for its result.
func (l *ConcurrencyLimiter) finish(callerGone bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if callerGone {
		l.wasted++
	}
	l.end()
}

// end counts a call as running no more, and admits waiting calls. The caller holds the lock.
func (l *ConcurrencyLimiter) end() {
	l.running--
	l.admitWaiting()
}

// admitWaiting starts waiting calls while there is room, and drops those whose context
// has ended. The caller holds the lock.
func (l *ConcurrencyLimiter) admitWaiting() {
	for l.waiting.Len() > 0 && (l.policy.Disabled || l.running < l.policy.Max) {
		w := l.waiting.Remove(l.waiting.Front()).(*waiter)
		if w.ctx.Err() == nil {
			w.permit = l.start(w.ctx)
			close(w.admitted)
			l.queueRate.addStart()
		}
	}
}

// dropAbandoned makes room in a full queue: it removes calls whose context has ended
// but whose goroutine has not run since. The caller holds the lock.
func (l *ConcurrencyLimiter) dropAbandoned() {
	for element, n := l.waiting.Front(), 0; element != nil && n < maxDropped; n++ {
		next := element.Next()
		if element.Value.(*waiter).ctx.Err() != nil {
			l.waiting.Remove(element)
		}
		element = next
	}
}

// maxDropped bounds how many waiting calls dropAbandoned visits, the oldest first.
const maxDropped = 1024

// overloaded counts a refusal. The caller holds the lock.
func (l *ConcurrencyLimiter) overloaded(why string, args ...any) error {
	l.refused++
	args = append([]any{l.name, l.policy.Max}, args...)
	return fault.Unavailable.Errorf("%s runs %d calls at once, "+why, args...).
		WithReason(fault.ReasonOverloaded).WithRetryAfter(l.policy.MaxWait).WithUnprocessed()
}
