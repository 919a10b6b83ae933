package breaker

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/internal/rng"
	"github.com/sinew-go/sinew/internal/window"
)

// Circuit is the [Breaker] of one callee. It is safe for concurrent use. While it stays
// closed or open, calls lock nothing.
type Circuit struct {
	name         string
	created      time.Time
	policy       atomic.Pointer[Policy] // with its defaults
	generation   atomic.Pointer[generation]
	groupChanges *broadcaster // of its group, if any
	_            [64]byte
	tally        tally
	history      failureHistory
	changes      broadcaster
	rng          rng.Source

	mu             sync.Mutex // guards changes of policy and generation, and the fields below
	failingSince   int64      // since when no call has succeeded
	successes      int        // of probes
	unsureFailures int        // failures of probes that are left until the opening is sure
	leases         []lease
	lastLease      uint64
	sweptSuccesses int64 // successes at the last sweep of the group
}

var _ Breaker = (*Circuit)(nil)

// New returns a closed circuit for the callee with this name. It panics when the policy is
// invalid.
func New(name string, p Policy) *Circuit {
	if err := p.Validate(); err != nil {
		panic("breaker.New(" + name + "): " + err.Error())
	}
	p = p.WithDefaults()
	c := &Circuit{name: name, created: time.Now()}
	c.tally.init()
	c.rng.Seed(p.circuitSeed(name))
	c.policy.Store(&p)
	c.generation.Store(newGeneration(c, Closed, 0, window.New(p.Window)))
	return c
}

// Allow implements [Breaker].
func (c *Circuit) Allow(ctx context.Context) (Permit, error) {
	gen := c.generation.Load()
	if gen.closed {
		return Permit{generation: gen, start: c.startTime(ctx)}, nil
	}
	now := max(int64(callctx.BreakerElapsed(ctx, c.created)), 0)
	if gen.state == Open && now < gen.until {
		return Permit{}, gen.refuse(now, gen.until, c.policy.Load())
	}
	if fullUntil := gen.fullUntil.Load(); now < fullUntil {
		p := c.policy.Load()
		return Permit{}, gen.refuse(now, min(fullUntil, saturatingAdd(now, p.Timeout)), p)
	}
	return c.allowProbe(ctx, now)
}

// Middleware makes each call of an endpoint with a [Permit] of the circuit, or returns the
// error of Allow. A panic of the endpoint counts as a failure.
func (c *Circuit) Middleware() endpoint.Middleware { return Middleware(c) }

// Set replaces the policy. These stay: the state, forced or not, the counted calls, the
// readers of Changes, the time when an open circuit admits probes, and the leases of probes
// in flight. But a Disabled policy closes a circuit that is not forced open. Calls that
// were made under a FailureThreshold are not in the window of a later policy. In a window
// of another length each call is as old as before, give or take a tenth of the old length.
// For an invalid policy Set returns an error and changes nothing.
func (c *Circuit) Set(p Policy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	p = p.WithDefaults()
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.Seed != c.policy.Load().Seed {
		c.rng.Seed(p.circuitSeed(c.name))
	}
	gen, now := c.generation.Load(), c.now()
	gen.window.Store(gen.window.Load().Resized(p.Window, now))
	c.policy.Store(&p)
	gen.cleanSlot.Store(-1)
	gen.fullUntil.Store(0)
	gen.lastRefusal.Store(nil) // it may follow from the policy before
	if p.Disabled && !gen.closed && !gen.forced.Load() {
		c.catchUp(now)
		c.enter(Closed, 0, false)
	}
	return nil
}

// Changes yields the changes of state from the call of Changes on, in order, until ctx ends
// or the loop ends. The result may be ranged over once. No call waits for a reader: a
// reader that is more than 64 changes behind misses the oldest ones, and the next [Change]
// has their number in Missed.
func (c *Circuit) Changes(ctx context.Context) iter.Seq[Change] { return c.changes.subscribe(ctx) }

// State returns the current state. It is HalfOpen from the moment at which an open circuit
// would admit a probe, even if no call is made.
func (c *Circuit) State() State {
	gen := c.generation.Load()
	if gen.state != Open {
		return gen.state
	}
	return gen.stateAt(c.now())
}

// Policy returns the current policy with its defaults filled in. With a FailureThreshold,
// FailurePercent and SlowPercent do not apply and are zero.
func (c *Circuit) Policy() Policy { return *c.policy.Load() }

// Snapshot implements [Breaker].
func (c *Circuit) Snapshot() Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, p, gen := c.now(), c.policy.Load(), c.generation.Load()
	s := Snapshot{ID: c.name, Service: c.name, State: gen.stateAt(now), Forced: gen.forced.Load(), SuccessCount: c.successes}
	if p.FailureThreshold > 0 {
		s.FailureCount = int(gen.row.Load())
	} else {
		s.FailureCount = gen.window.Load().Sum(now)[failures]
	}
	s.Config = ConfigView{p.FailureThreshold, p.SuccessThreshold, p.Timeout, p.MaxRequests}
	c.tally.fill(&s, c.created)
	return s
}

// enter starts a new generation, an open one until a moment. What was counted before does
// not count any more, except that probes in flight keep their leases. The caller holds the
// lock.
func (c *Circuit) enter(to State, until int64, forced bool) *generation {
	before := c.generation.Load()
	c.successes = 0
	counted := before.window.Load()
	if to == Closed {
		counted = window.New(c.policy.Load().Window)
	}
	gen := newGeneration(c, to, until, counted)
	gen.forced.Store(forced)
	c.generation.Store(gen)
	c.publish(before.state, gen)
	return gen
}

// catchUp makes an open circuit whose time is over half-open, so that readers get this
// change before the next one, and returns the current generation. The caller holds the
// lock.
func (c *Circuit) catchUp(now int64) *generation {
	gen := c.generation.Load()
	if gen.state == Open && now >= gen.until {
		return c.enter(HalfOpen, 0, false)
	}
	return gen
}

// publish sends the current state to the readers. The caller holds the lock, so they get
// changes in order.
func (c *Circuit) publish(from State, gen *generation) {
	change := Change{Name: c.name, From: from, To: gen.state, Forced: gen.forced.Load(), At: time.Now()}
	c.changes.publish(change)
	if c.groupChanges != nil {
		c.groupChanges.publish(change)
	}
}

// isIdle says that the group may drop the circuit. One that is not closed would have
// admitted probes long ago.
func (c *Circuit) isIdle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	gen, n := c.generation.Load(), c.tally.succeeded.Sum()
	unused := n == c.sweptSuccesses || n <= alwaysTimed // not all calls after the first ones are timed
	c.sweptSuccesses = n
	lastUse := max(c.tally.lastResult(), gen.until)
	return unused && !gen.forced.Load() && time.Duration(c.now()-lastUse) > idleCircuit && !c.changes.hasReaders()
}

// untimed is the start of a call that is not timed.
const untimed = -1

// startTime reads the clock for a call of a closed circuit if its time is needed: for slow
// calls, for a caller's deadline, or as a sample.
func (c *Circuit) startTime(ctx context.Context) int64 {
	if c.policy.Load().FailureThreshold > 0 && !c.tally.shouldTime() {
		if _, limited := ctx.Deadline(); !limited {
			return untimed
		}
	}
	return c.nowIn(ctx)
}

// nowIn reads the clock of the call made in ctx, now the clock itself; both in ns since the
// circuit was created.
func (c *Circuit) nowIn(ctx context.Context) int64 {
	return max(int64(callctx.Elapsed(ctx, c.created)), 0)
}

func (c *Circuit) now() int64 { return int64(time.Since(c.created)) }

// saturatingAdd returns now + d, or maxTime on overflow.
func saturatingAdd(now int64, d time.Duration) int64 {
	if at := now + int64(d); at >= now {
		return at
	}
	return maxTime
}
