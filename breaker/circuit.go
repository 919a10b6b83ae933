package breaker

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/rng"
	"github.com/sinew-go/sinew/internal/window"
)

// Circuit is the [Breaker] of one callee. While it is closed or open, calls take
// no lock.
type Circuit struct {
	name   string
	born   time.Time
	policy atomic.Pointer[Policy] // with its defaults
	era    atomic.Pointer[era]
	group  *feed // of the group that it belongs to
	_      [64]byte
	tally  tally
	past   past
	news   feed
	dice   rng.Source

	mu      sync.Mutex // held to change the policy and the era, and for what is below
	failing int64      // since when nothing gets through
	passed  int        // probes that succeeded
	unsure  int        // failures that are left until the opening is no bad luck
	probes  []lease
	lent    uint64
	swept   int64 // how many calls had succeeded when the group last looked
}

var _ Breaker = (*Circuit)(nil)

// New makes a closed circuit for the callee of this name. It panics when the
// policy does not validate.
func New(name string, p Policy) *Circuit {
	if err := p.Validate(); err != nil {
		panic("breaker.New(" + name + "): " + err.Error())
	}
	p = p.withDefaults()
	c := &Circuit{name: name, born: time.Now()}
	c.tally.begin()
	c.dice.Seed(p.seed(name))
	c.policy.Store(&p)
	c.era.Store(newEra(c, Closed, 0, window.New(p.Window)))
	return c
}

// Allow implements [Breaker].
func (c *Circuit) Allow(ctx context.Context) (Permit, error) {
	e := c.era.Load()
	if e.closed {
		return Permit{era: e, start: c.start(ctx)}, nil
	}
	now := c.now(ctx)
	if e.state == Open && now < e.until {
		return Permit{}, e.refuse(now, e.until, c.policy.Load())
	}
	if full := e.full.Load(); now < full {
		p := c.policy.Load()
		return Permit{}, e.refuse(now, min(full, later(now, p.Timeout)), p)
	}
	return c.probe(ctx, now)
}

// Middleware guards an endpoint with the circuit. A panic counts as a failure.
func (c *Circuit) Middleware() endpoint.Middleware { return Middleware(c) }

// Set replaces the policy; state, window, readers and what is held by hand stay.
// So do the moment when an open circuit admits probes, and the leases of probes
// under way. An invalid policy is refused and changes nothing. One that is
// Disabled closes the circuit. The window holds nothing from while a
// FailureThreshold counted. In a window of another length a call is as old as in the
// one before, give or take a tenth of that one's length.
func (c *Circuit) Set(p Policy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	p = p.withDefaults()
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.Seed != c.policy.Load().Seed {
		c.dice.Seed(p.seed(c.name))
	}
	e, now := c.era.Load(), c.moment()
	e.window.Store(e.window.Load().Resized(p.Window, now))
	c.policy.Store(&p)
	e.well.Store(-1)
	e.full.Store(0)
	e.refused.Store(nil) // it may tell of the policy before
	if p.Disabled && !e.closed && !e.forced.Load() {
		c.catchUp(now)
		c.change(Closed, 0, false)
	}
	return nil
}

// Changes are the changes of state from this call on, in order, until ctx ends
// or the loop is left; it may be looped over once. No call ever waits for a
// reader: one that is more than 64 changes behind misses the oldest ones, and
// the next one that it reads says so in Missed.
func (c *Circuit) Changes(ctx context.Context) iter.Seq[Change] { return c.news.follow(ctx) }

// State is the state now: an open circuit whose time is over is HalfOpen, also
// when no call has come since.
func (c *Circuit) State() State {
	e := c.era.Load()
	if e.state != Open {
		return e.state
	}
	return e.shows(c.moment())
}

// Policy is the policy in force, its defaults filled in. With a FailureThreshold,
// FailurePercent and SlowPercent do not apply and are zero.
func (c *Circuit) Policy() Policy { return *c.policy.Load() }

// Snapshot implements [Breaker].
func (c *Circuit) Snapshot() Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, p, e := c.moment(), c.policy.Load(), c.era.Load()
	s := Snapshot{ID: c.name, Service: c.name, State: e.shows(now), Forced: e.forced.Load(), SuccessCount: c.passed}
	if p.FailureThreshold > 0 {
		s.FailureCount = int(e.row.Load())
	} else {
		s.FailureCount = e.window.Load().Sum(now)[failures]
	}
	s.Config = ConfigView{p.FailureThreshold, p.SuccessThreshold, p.Timeout, p.MaxRequests}
	c.tally.into(&s, c.born)
	return s
}

// change enters a state, an open one until a moment. What came before counts no
// more, but for the probes under way: each keeps its lease. The lock is held.
func (c *Circuit) change(to State, until int64, forced bool) *era {
	before := c.era.Load()
	c.passed = 0
	seen := before.window.Load()
	if to == Closed {
		seen = window.New(c.policy.Load().Window)
	}
	e := newEra(c, to, until, seen)
	e.forced.Store(forced)
	c.era.Store(e)
	c.tell(before.state, e)
	return e
}

// catchUp is the era of now: an open circuit whose time is over enters the state
// that it shows, so that readers hear of it before they hear of the next one. The
// lock is held.
func (c *Circuit) catchUp(now int64) *era {
	e := c.era.Load()
	if e.state == Open && now >= e.until {
		return c.change(HalfOpen, 0, false)
	}
	return e
}

// tell tells the readers of what is now. The lock is held, so that they hear of
// changes in order.
func (c *Circuit) tell(from State, e *era) {
	change := Change{Name: c.name, From: from, To: e.state, Forced: e.forced.Load(), At: time.Now()}
	c.news.tell(change)
	if c.group != nil {
		c.group.tell(change)
	}
}

// idle says that nothing would be lost by forgetting the circuit. One that is
// not closed would long have admitted probes.
func (c *Circuit) idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, n := c.era.Load(), c.tally.succeeded.Sum()
	quiet := n == c.swept || n <= newcomers // not all of the later ones are timed
	c.swept = n
	used := max(c.tally.last(), e.until)
	return quiet && !e.forced.Load() && time.Duration(c.moment()-used) > idleCircuit && !c.news.followed()
}

// untimed is the start of a call whose time nobody needs.
const untimed = -1

// start is the moment a call of a closed circuit begins, where its time is
// needed: for a share of slow calls, for a caller's deadline, or as a sample.
func (c *Circuit) start(ctx context.Context) int64 {
	if c.policy.Load().FailureThreshold > 0 && !c.tally.due() {
		if _, limited := ctx.Deadline(); !limited {
			return untimed
		}
	}
	return c.now(ctx)
}

// now is the moment by the clock of the call made in ctx, moment by the clock
// itself; in ns since the circuit was made.
func (c *Circuit) now(ctx context.Context) int64 {
	return max(int64(endpoint.Elapsed(ctx, c.born)), 0)
}

func (c *Circuit) moment() int64 { return int64(time.Since(c.born)) }

// later is d after now, or as late as can be.
func later(now int64, d time.Duration) int64 {
	if at := now + int64(d); at >= now {
		return at
	}
	return forever
}
