package limit

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

// ConcurrencyLimiter holds calls to a [Concurrency]. It is safe for concurrent
// use.
type ConcurrencyLimiter struct {
	name string

	mu      sync.Mutex
	policy  Concurrency
	running int
	waiting *list.List // of *waiter, the oldest first
	turns   turns
	passed  int64
	refused int64
	wasted  int64
	pace    pace
}

// waiter is a call in the queue; admitted is closed when its turn has come.
type waiter struct {
	ctx      context.Context
	admitted chan struct{}
	turn     Turn
}

// ConcurrencySnapshot is the state of a [ConcurrencyLimiter] at one moment.
type ConcurrencySnapshot struct {
	Name   string      `json:"name"`
	Policy Concurrency `json:"policy"`
	// Running and Waiting are the calls now.
	Running int `json:"running"`
	Waiting int `json:"waiting"`
	// Passed and Refused are all calls so far; those who gave up count as
	// neither.
	Passed  int64 `json:"passed"`
	Refused int64 `json:"refused"`
	// Wasted are the calls of Passed that ended when their caller had gone.
	Wasted int64 `json:"wasted"`
}

// NewConcurrency makes the limiter of this name. It panics when the policy does
// not validate.
func NewConcurrency(name string, c Concurrency) *ConcurrencyLimiter {
	if err := c.Validate(); err != nil {
		panic("limit.NewConcurrency(" + name + "): " + err.Error())
	}
	return &ConcurrencyLimiter{name: name, policy: c.withDefaults(), waiting: list.New()}
}

// Acquire waits for a turn. It is fault.Unavailable when the queue is full or
// the turn did not come within the policy's MaxWait or cannot come before the
// caller's deadline, and fault.Canceled or
// fault.DeadlineExceeded when ctx ends first.
func (l *ConcurrencyLimiter) Acquire(ctx context.Context) (Turn, error) {
	if ctx.Err() != nil {
		return Turn{}, abandoned(ctx, l.name)
	}
	l.mu.Lock()
	if l.policy.Disabled || l.running < l.policy.Max && l.waiting.Len() == 0 {
		defer l.mu.Unlock()
		return l.enter(ctx), nil
	}
	if l.waiting.Len() >= l.policy.Queue {
		l.clear()
	}
	if l.waiting.Len() >= l.policy.Queue {
		defer l.mu.Unlock()
		return Turn{}, l.overloaded("and its queue of %d is full", max(l.policy.Queue, 0))
	}
	if l.waiting.Len() == 0 {
		l.pace = pace{}
	}
	if deadline, ok := ctx.Deadline(); ok && l.pace.wait(l.waiting.Len()) > time.Until(deadline) {
		defer l.mu.Unlock()
		return Turn{}, l.overloaded("and %d are before this one, which cannot wait so long", l.waiting.Len())
	}
	w := &waiter{ctx: ctx, admitted: make(chan struct{})}
	place := l.waiting.PushBack(w)
	longest := l.policy.MaxWait
	l.mu.Unlock()
	return l.wait(w, place, longest)
}

// Middleware limits an endpoint.
func (l *ConcurrencyLimiter) Middleware() endpoint.Middleware {
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			turn, err := l.Acquire(ctx)
			if err != nil {
				return nil, err
			}
			defer turn.Release()
			return next(ctx, request)
		}
	}
}

// Set replaces the policy; what runs and waits stays. An invalid policy is
// refused.
func (l *ConcurrencyLimiter) Set(c Concurrency) error {
	if err := c.Validate(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.policy = c.withDefaults()
	l.admit()
	return nil
}

// Snapshot is the limiter's state.
func (l *ConcurrencyLimiter) Snapshot() ConcurrencySnapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	return ConcurrencySnapshot{l.name, l.policy, l.running, l.waiting.Len(), l.passed, l.refused, l.wasted}
}

func (l *ConcurrencyLimiter) wait(w *waiter, place *list.Element, longest time.Duration) (Turn, error) {
	timer := time.NewTimer(longest)
	defer timer.Stop()
	select {
	case <-w.admitted:
		return w.turn, nil
	case <-w.ctx.Done():
	case <-timer.C:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-w.admitted: // meanwhile
		if w.ctx.Err() == nil {
			return w.turn, nil
		}
		l.passed--
		l.leave(w.turn, false)
		return Turn{}, abandoned(w.ctx, l.name)
	default:
	}
	l.waiting.Remove(place)
	if w.ctx.Err() != nil {
		return Turn{}, abandoned(w.ctx, l.name)
	}
	return Turn{}, l.overloaded("and none has ended for %s", longest)
}

// enter lets one call run. The lock is held.
func (l *ConcurrencyLimiter) enter(ctx context.Context) Turn {
	l.running++
	l.passed++
	return l.turns.begin(ctx, l)
}

// leave ends a turn, once, and lets the next call in. The lock is held.
func (l *ConcurrencyLimiter) leave(t Turn, gone bool) {
	if l.turns.end(t) {
		l.running--
		if gone {
			l.wasted++
		}
		l.admit()
	}
}

// admit lets in whoever may run, and lets go of those who wait no longer. The
// lock is held.
func (l *ConcurrencyLimiter) admit() {
	for l.waiting.Len() > 0 && (l.policy.Disabled || l.running < l.policy.Max) {
		w := l.waiting.Remove(l.waiting.Front()).(*waiter)
		if w.ctx.Err() == nil {
			w.turn = l.enter(w.ctx)
			close(w.admitted)
			l.pace.step()
		}
	}
}

// clear makes room of those whose caller has gone and who have not heard of it
// yet. The lock is held.
func (l *ConcurrencyLimiter) clear() {
	for place, n := l.waiting.Front(), 0; place != nil && n < mostCleared; n++ {
		next := place.Next()
		if place.Value.(*waiter).ctx.Err() != nil {
			l.waiting.Remove(place)
		}
		place = next
	}
}

// mostCleared bounds how many are looked at, the oldest first.
const mostCleared = 1024

// overloaded is the refusal. The lock is held.
func (l *ConcurrencyLimiter) overloaded(why string, args ...any) error {
	l.refused++
	return fault.Unavailable.Errorf("%s runs %d calls at once, "+why, append([]any{l.name, l.policy.Max}, args...)...).
		WithReason("overloaded").WithRetryAfter(l.policy.MaxWait).WithUnprocessed()
}
