package limit

import (
	"context"
	"sync/atomic"
	"time"

	kitendpoint "github.com/go-kit/kit/endpoint"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

// AdaptiveLimiter holds calls to an [Adaptive]. It is safe for concurrent use;
// a call takes no lock.
type AdaptiveLimiter struct {
	name   string
	born   time.Time
	limit  atomic.Int64 // calls at once; what is above any is none
	turn   atomic.Int64 // when the window may be judged
	strict atomic.Int64 // slower than this is late for whoever waits longest, ns
	loose  atomic.Int64 // not slower than this is never late, ns
	usual  atomic.Int64 // how long a call takes now, ns; 0 while nothing is refused
	_      [64]byte

	tickets tickets
	_       [64]byte
	tally   tally
	_       [64]byte
	control control
}

// AdaptiveSnapshot is the state of an [AdaptiveLimiter] at one moment.
type AdaptiveSnapshot struct {
	Name   string   `json:"name"`
	Policy Adaptive `json:"policy"`
	// Limit is how many calls may be under way now; zero says that nothing
	// asks for a limit.
	Limit int `json:"limit"`
	// Running are the calls now.
	Running int `json:"running"`
	// Passed and Refused are all calls so far; whose caller had gone before they
	// began count as neither.
	Passed  int64 `json:"passed"`
	Refused int64 `json:"refused"`
	// Wasted are those of Passed that ended when their caller had gone.
	Wasted int64 `json:"wasted"`
	// Usual is how long a call takes where nothing is in its way, Target how
	// long it may take when that is why others are refused.
	Usual  time.Duration `json:"usual"`
	Target time.Duration `json:"target"`
}

// NewAdaptive makes the limiter of this name. It panics when the policy does not
// validate.
func NewAdaptive(name string, a Adaptive) *AdaptiveLimiter {
	l := &AdaptiveLimiter{name: name, born: time.Now()}
	if err := l.Set(a); err != nil {
		panic("limit.NewAdaptive(" + name + "): " + err.Error())
	}
	return l
}

// Acquire is a ticket for a call, at once. It is fault.Unavailable where the
// limit is reached, or where the caller's deadline cannot be met, and
// fault.Canceled or fault.DeadlineExceeded when ctx has ended.
func (l *AdaptiveLimiter) Acquire(ctx context.Context) (Ticket, error) {
	if ctx.Err() != nil {
		return Ticket{}, abandoned(l.name, ctx)
	}
	t := Ticket{limiter: l, begun: int64(endpoint.Elapsed(ctx, l.born))}
	if deadline, ok := ctx.Deadline(); ok {
		if t.budget = int64(deadline.Sub(l.born)) - t.begun; t.budget <= 0 {
			return Ticket{}, abandoned(l.name, ctx)
		}
	}
	if t.begun >= l.turn.Load() {
		l.judge(t.begun)
	}
	most := int(l.limit.Load())
	if usual := l.usual.Load(); usual > 0 {
		if t.budget > 0 && t.budget < usual/2 && l.tickets.taken() >= most/2 {
			return Ticket{}, l.overloaded(most, "and the caller waits for %s only", time.Duration(t.budget))
		}
		most = l.share(ctx, most)
	}
	var ok bool
	if t.place, t.life, ok = l.tickets.take(most); !ok {
		return Ticket{}, l.overloaded(most, "and no more for now")
	}
	return t, nil
}

// Middleware limits an endpoint. A panic counts as a failure.
func (l *AdaptiveLimiter) Middleware() endpoint.Middleware {
	return func(next kitendpoint.Endpoint) kitendpoint.Endpoint {
		return func(ctx context.Context, request any) (response any, err error) {
			ticket, err := l.Acquire(ctx)
			if err != nil {
				return nil, err
			}
			err = errPanicked
			defer func() { ticket.Done(ctx, err) }()
			return next(ctx, request)
		}
	}
}

var errPanicked = fault.Internal.Errorf("the call panicked")

// Set replaces the policy; what is under way and what was learned stay. An
// invalid policy is refused.
func (l *AdaptiveLimiter) Set(a Adaptive) error {
	if err := a.Validate(); err != nil {
		return err
	}
	c := &l.control
	c.mu.Lock()
	defer c.mu.Unlock()
	c.policy = a.withDefaults()
	l.publish()
	return nil
}

// Snapshot is the limiter's state.
func (l *AdaptiveLimiter) Snapshot() AdaptiveSnapshot {
	c := &l.control
	c.mu.Lock()
	defer c.mu.Unlock()
	s := AdaptiveSnapshot{Name: l.name, Policy: c.policy, Running: l.tickets.taken(), Refused: l.tally.refused.Load(), Wasted: l.tally.wasted.Load(), Usual: time.Duration(c.base), Target: time.Duration(c.target)}
	s.Passed = l.tally.ended() + int64(s.Running)
	if c.phase != free && !c.policy.Disabled {
		s.Limit = int(l.limit.Load())
	}
	return s
}

// done takes in how a call ended.
func (l *AdaptiveLimiter) done(ctx context.Context, t Ticket, err error) {
	if !l.tickets.give(t.place, t.life) {
		return
	}
	now := int64(endpoint.Elapsed(ctx, l.born))
	took := now - t.begun
	late := l.late(t.budget)
	gone := t.budget > 0 && took >= t.budget || ctx.Err() != nil
	if err == nil && !gone && took <= late && l.usual.Load() == 0 {
		l.tally.succeeded.Add(1)
		l.tally.spent.Add(took)
	} else {
		l.tally.add(ctx, took, late, gone, err)
	}
	if now >= l.turn.Load() {
		l.judge(now)
	}
}

// late is how long a call may take whose caller waits for budget.
func (l *AdaptiveLimiter) late(budget int64) int64 {
	strict := l.strict.Load()
	if budget <= 0 {
		return strict
	}
	loose := l.loose.Load()
	return max(min(budget/4, strict), min(loose, budget/2), loose*5/8)
}

// share is how much of the limit is for a call of this priority.
func (l *AdaptiveLimiter) share(ctx context.Context, most int) int {
	if l.tickets.taken() < most/2 {
		return most
	}
	c := endpoint.CallOf(ctx)
	if c == nil || c.Priority == 0 {
		return most
	}
	return min(max(most+most*min(max(c.Priority, -5), 5)/10, 1), maxTickets)
}

// overloaded is the refusal.
func (l *AdaptiveLimiter) overloaded(most int, why string, args ...any) error {
	l.tally.refused.Add(1)
	return fault.Unavailable.Errorf("%s bears %d calls at once, "+why, append([]any{l.name, most}, args...)...).
		WithReason("overloaded").WithRetryAfter(min(max(time.Duration(l.strict.Load()), 100*time.Millisecond), time.Second)).WithUnprocessed()
}

// abandoned is the error of a caller that waits no longer.
func abandoned(name string, ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		err = context.DeadlineExceeded
	}
	return fault.CodeOf(err).Errorf("%s: the caller waited no longer for its turn: %w", name, err).WithUnprocessed()
}
