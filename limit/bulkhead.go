package limit

import (
	"container/list"
	"context"
	"sync"
	"time"

	kitendpoint "github.com/go-kit/kit/endpoint"

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
	passed  int64
	refused int64
}

// waiter is a call in the queue; admitted is closed when its turn has come.
type waiter struct{ admitted chan struct{} }

// Turn is permission to run, from [ConcurrencyLimiter.Acquire]. Its Release must
// be called once.
type Turn struct{ limiter *ConcurrencyLimiter }

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
// the turn did not come within the policy's MaxWait, and fault.Canceled or
// fault.DeadlineExceeded when ctx ends first.
func (l *ConcurrencyLimiter) Acquire(ctx context.Context) (Turn, error) {
	if ctx.Err() != nil {
		return Turn{}, l.abandoned(ctx)
	}
	l.mu.Lock()
	if l.policy.Disabled || l.running < l.policy.Max && l.waiting.Len() == 0 {
		defer l.mu.Unlock()
		return l.enter(), nil
	}
	if l.waiting.Len() >= l.policy.Queue {
		defer l.mu.Unlock()
		return Turn{}, l.overloaded("and its queue of %d is full", max(l.policy.Queue, 0))
	}
	w := &waiter{admitted: make(chan struct{})}
	place := l.waiting.PushBack(w)
	longest := l.policy.MaxWait
	l.mu.Unlock()
	return l.wait(ctx, w, place, longest)
}

// Release ends the turn and lets the next call in.
func (t Turn) Release() {
	l := t.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running--
	l.admit()
}

// Middleware limits an endpoint.
func (l *ConcurrencyLimiter) Middleware() endpoint.Middleware {
	return func(next kitendpoint.Endpoint) kitendpoint.Endpoint {
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
	return ConcurrencySnapshot{l.name, l.policy, l.running, l.waiting.Len(), l.passed, l.refused}
}

func (l *ConcurrencyLimiter) wait(ctx context.Context, w *waiter, place *list.Element, longest time.Duration) (Turn, error) {
	timer := time.NewTimer(longest)
	defer timer.Stop()
	select {
	case <-w.admitted:
		return Turn{l}, nil
	case <-ctx.Done():
	case <-timer.C:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-w.admitted: // meanwhile
		if ctx.Err() == nil {
			return Turn{l}, nil
		}
		l.running--
		l.passed--
		l.admit()
		return Turn{}, l.abandoned(ctx)
	default:
	}
	l.waiting.Remove(place)
	if ctx.Err() != nil {
		return Turn{}, l.abandoned(ctx)
	}
	return Turn{}, l.overloaded("and none has ended for %s", longest)
}

// enter lets one call run. The lock is held.
func (l *ConcurrencyLimiter) enter() Turn {
	l.running++
	l.passed++
	return Turn{l}
}

// admit lets in whoever may run. The lock is held.
func (l *ConcurrencyLimiter) admit() {
	for l.waiting.Len() > 0 && (l.policy.Disabled || l.running < l.policy.Max) {
		w := l.waiting.Remove(l.waiting.Front()).(*waiter)
		l.enter()
		close(w.admitted)
	}
}

// overloaded is the refusal. The lock is held.
func (l *ConcurrencyLimiter) overloaded(why string, args ...any) error {
	l.refused++
	return fault.Unavailable.Errorf("%s runs %d calls at once, "+why, append([]any{l.name, l.policy.Max}, args...)...).
		WithReason("overloaded").WithRetryAfter(l.policy.MaxWait).WithUnprocessed()
}

// abandoned is the error of a caller that waits no longer.
func (l *ConcurrencyLimiter) abandoned(ctx context.Context) error {
	return fault.CodeOf(ctx.Err()).Errorf("%s: the caller waited no longer for its turn: %w", l.name, ctx.Err()).WithUnprocessed()
}
