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

// AdaptiveLimiter holds calls to an [Adaptive]. It is safe for concurrent use.
// A call waits for no lock, unless more are under way than ever before, its operation
// is new, or there are more than 200 of these.
type AdaptiveLimiter struct {
	name    string
	born    time.Time
	limited atomic.Bool   // there is a limit that was found out
	excepts atomic.Bool   // operations are outside of it
	limit   atomic.Int64  // calls at once
	ceiling atomic.Int64  // that no priority exceeds
	turn    atomic.Int64  // when the window may be judged
	target  atomic.Int64  // what a call may take when others are refused, ns
	sample  atomic.Uint32 // which lives of a place are timed: those without these bits
	_       [64]byte

	tickets tickets
	_       [64]byte
	tally   tally
	_       [64]byte
	control control

	operations *operations
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
	// Wasted are the calls of Passed that ended when their caller had gone.
	Wasted int64 `json:"wasted"`
	// Usual is how long a call of the operation that is called most takes where
	// nothing is in its way, Target how long calls may take when that is why others
	// are refused.
	Usual  time.Duration `json:"usual"`
	Target time.Duration `json:"target"`
}

// NewAdaptive makes the limiter of this name. It panics when the policy does not
// validate.
func NewAdaptive(name string, a Adaptive) *AdaptiveLimiter {
	l := &AdaptiveLimiter{name: name, born: time.Now(), operations: newOperations()}
	if err := l.Set(a); err != nil {
		panic("limit.NewAdaptive(" + name + "): " + err.Error())
	}
	return l
}

// Acquire is a ticket for a call, at once, and the zero Ticket for an operation that
// is outside of the limit. It is fault.Unavailable where the
// limit is reached, or where the caller's deadline cannot be met, and
// fault.Canceled or fault.DeadlineExceeded when ctx has ended.
func (l *AdaptiveLimiter) Acquire(ctx context.Context) (Ticket, error) {
	if left(ctx) {
		return Ticket{}, abandoned(ctx, l.name)
	}
	if l.excepts.Load() && l.operations.of(ctx).excepted {
		return Ticket{}, nil
	}
	if l.limited.Load() {
		return l.squeeze(ctx)
	}
	most := int(l.limit.Load())
	place, life, ok := l.tickets.take(most + int(l.tickets.aside.Load()))
	if !ok {
		return Ticket{}, l.overloaded(most, "and as many are under way")
	}
	t := Ticket{limiter: l, place: place, life: life}
	if life&l.sample.Load() == 0 {
		l.time(ctx, &t)
		l.begin(&t)
	}
	return t, nil
}

// time reads the clock for a call that is to be timed.
func (l *AdaptiveLimiter) time(ctx context.Context, t *Ticket) {
	t.operation = l.operations.of(ctx)
	t.begun = int64(endpoint.Elapsed(ctx, l.born))
	if until, ok := ctx.Deadline(); ok && !deadline.IsForeign(ctx) { // a stranger may hurry, and tells nothing by it
		t.budget = max(int64(until.Sub(l.born))-t.begun, 1)
	}
	if t.begun >= l.turn.Load() {
		l.judge(t.begun)
	}
}

// begin notes that a timed call begins.
func (l *AdaptiveLimiter) begin(t *Ticket) {
	t.vain = t.operation.usual() > 0 && t.operation.hopeless(t.budget)
	l.tickets.begin(t.place, t.begun, t.vain)
	if !t.vain {
		t.operation.running.Add(1)
	}
}

// squeeze is a ticket while there is a limit. First to go are those whose caller
// will not wait for the answer, then those of the least priority.
func (l *AdaptiveLimiter) squeeze(ctx context.Context) (Ticket, error) {
	t := Ticket{limiter: l}
	l.time(ctx, &t)
	if t.budget == 1 {
		return Ticket{}, abandoned(ctx, l.name)
	}
	most, running := int(l.limit.Load()), l.tickets.running()
	if base := t.operation.usual(); t.budget > 0 && float64(t.budget) < base/2 && running >= most/2 {
		return Ticket{}, l.overloaded(most, "and the caller waits for %s only", time.Duration(t.budget))
	}
	if running >= most/2 {
		most = min(share(ctx, most), int(l.ceiling.Load()))
	}
	var ok bool
	if t.place, t.life, ok = l.tickets.take(most + int(l.tickets.aside.Load())); !ok {
		return Ticket{}, l.overloaded(most, "and as many are under way")
	}
	l.begin(&t)
	return t, nil
}

// Middleware limits an endpoint. A panic counts as a failure.
func (l *AdaptiveLimiter) Middleware() endpoint.Middleware {
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (response any, err error) {
			ticket, err := l.Acquire(ctx)
			if err != nil {
				return nil, err
			}
			err = panicked.Err
			defer func() { ticket.Done(ctx, err) }()
			return next(ctx, request)
		}
	}
}

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
	l.operations.set(a.Except)
	l.excepts.Store(len(a.Except) > 0)
	l.publish()
	return nil
}

// Snapshot is the limiter's state.
func (l *AdaptiveLimiter) Snapshot() AdaptiveSnapshot {
	c := &l.control
	c.mu.Lock()
	defer c.mu.Unlock()
	s := AdaptiveSnapshot{Name: l.name, Policy: c.policy, Running: l.tickets.taken(), Refused: l.tally.refused.Load(), Wasted: l.tally.wasted.Load(), Target: time.Duration(c.target)}
	busiest := int64(-1)
	l.operations.each(func(o *operation) {
		if n := o.succeeded.Load(); n > busiest {
			busiest, s.Usual = n, time.Duration(o.usual())
		}
	})
	s.Passed = l.tally.ended() + int64(s.Running)
	if c.phase != free && !c.policy.Disabled {
		s.Limit = int(l.limit.Load())
	}
	return s
}

// done takes in how a call ended.
func (l *AdaptiveLimiter) done(ctx context.Context, t Ticket, err error) {
	waited, ok := l.tickets.give(t.place, t.life)
	if !ok {
		return
	}
	if t.operation == nil {
		if err == nil && !left(ctx) {
			l.tally.succeeded.Add(1)
		} else {
			l.tally.untimed(ctx)
		}
		return
	}
	if !t.vain {
		t.operation.running.Add(-1)
	}
	now := int64(endpoint.Elapsed(ctx, l.born))
	took := now - t.begun
	gone := t.budget > 0 && took >= t.budget || left(ctx)
	l.tally.add(ctx, timing{t.operation, max(took-waited, 0), t.budget, gone}, err)
	if now >= l.turn.Load() {
		l.judge(now)
	}
}

func (l *AdaptiveLimiter) moment() int64 { return int64(time.Since(l.born)) }

// left says that the caller waits no more; its deadline is in the ticket's budget.
func left(ctx context.Context) bool { return endpoint.CallerOf(ctx).Err() != nil }

// share is how much of the limit is for a call of this priority.
func share(ctx context.Context, most int) int {
	c := endpoint.CallOf(ctx)
	if c == nil || c.Priority == 0 {
		return most
	}
	return max(most+most*min(max(c.Priority, -5), 5)/10, 1)
}

// overloaded is the refusal.
func (l *AdaptiveLimiter) overloaded(most int, why string, args ...any) error {
	l.tally.refused.Add(1)
	return fault.Unavailable.Errorf("%s takes %d calls at once now, "+why, append([]any{l.name, most}, args...)...).
		WithReason("overloaded").WithRetryAfter(min(max(time.Duration(l.target.Load())/4, 20*time.Millisecond), time.Second)).WithUnprocessed()
}

// abandoned is the error of a caller that waits no longer.
func abandoned(ctx context.Context, name string) error {
	err := ctx.Err()
	if err == nil {
		err = context.DeadlineExceeded
	}
	return fault.CodeOf(err).Errorf("%s: the caller waited no longer for its turn: %w", name, err).WithUnprocessed()
}
