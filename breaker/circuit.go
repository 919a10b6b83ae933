package breaker

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/window"
)

// Circuit is the [Breaker] of one callee. While it is closed, calls take no
// lock.
type Circuit struct {
	name   string
	born   time.Time
	news   listeners
	policy atomic.Pointer[Policy] // with its defaults
	era    atomic.Pointer[era]
	tally  tally

	mu       sync.Mutex // held to change the policy and the era, and for what is below
	reopened int        // how often in a row probes have failed
	passed   int        // probes that succeeded
	probes   []lease
	lent     uint64
}

// lease is a probe under way.
type lease struct {
	id    uint64
	until int64
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
	c.policy.Store(&p)
	c.era.Store(newEra(Closed, 0, window.New(p.Window)))
	return c
}

// Allow implements [Breaker].
func (c *Circuit) Allow(context.Context) (Permit, error) {
	now := c.now()
	e := c.era.Load()
	switch {
	case e.state == Closed:
		return Permit{circuit: c, era: e, start: now}, nil
	case e.state == Open && now < e.until:
		return Permit{}, e.refuse(c.name, now)
	}
	p, err := c.probe(now)
	c.news.deliver()
	return p, err
}

// Middleware guards an endpoint with the circuit. A panic counts as a failure.
func (c *Circuit) Middleware() endpoint.Middleware { return Middleware(c) }

// Set replaces the policy; state, window and listeners stay. An invalid policy
// is refused and changes nothing. One that is Disabled closes the circuit.
func (c *Circuit) Set(p Policy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	p = p.withDefaults()
	c.mu.Lock()
	e := c.era.Load()
	e.window.Store(e.window.Load().Resized(p.Window, c.now()))
	c.policy.Store(&p)
	if p.Disabled && e.state != Closed {
		c.change(Closed, 0)
	}
	c.mu.Unlock()
	c.news.deliver()
	return nil
}

// OnChange calls f after each change of state, in order, and outside of every
// lock: f may use the circuit. A call that f is busy with is not interrupted by
// stop.
func (c *Circuit) OnChange(f func(Change)) (stop func()) { return c.news.add(f) }

// State is the state now. An open circuit whose time is over is still Open
// until a call comes.
func (c *Circuit) State() State { return c.era.Load().state }

// Policy is the policy in force, its defaults filled in.
func (c *Circuit) Policy() Policy { return *c.policy.Load() }

// Snapshot implements [Breaker].
func (c *Circuit) Snapshot() Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, e := c.policy.Load(), c.era.Load()
	s := Snapshot{ID: c.name, Service: c.name, State: e.state, FailureCount: int(e.row.Load()), SuccessCount: c.passed}
	if p.FailureThreshold == 0 {
		s.FailureCount = e.window.Load().Sum(c.now())[failures]
	}
	s.Config = Config{p.FailureThreshold, p.SuccessThreshold, p.Timeout, p.MaxRequests}
	c.tally.into(&s, c.born)
	return s
}

// done takes in the result of a permitted call.
func (c *Circuit) done(ctx context.Context, p Permit, err error) {
	now := c.now()
	took := time.Duration(now - p.start)
	policy := c.policy.Load()
	outcome := fault.Classify(ctx, err)
	if outcome == fault.Ignored && took >= policy.SlowCall && fault.Expired(ctx, err) {
		outcome = fault.Failure
	}
	e := p.era
	if c.era.Load() != e {
		return
	}
	c.tally.add(now, took, outcome, err)
	switch e.state {
	case Closed:
		if outcome != fault.Ignored && e.count(now, took, outcome, policy) {
			c.trip(e, now)
		}
	case HalfOpen:
		if outcome == fault.Success && took >= policy.SlowCall {
			outcome = fault.Failure // what opened for slowness is not well while it is slow
		}
		c.judge(e, now, p.probe, outcome)
	case Open:
	}
	c.news.deliver()
}

// trip opens the circuit that was closed in era e, unless that is over.
func (c *Circuit) trip(e *era, now int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.era.Load() == e && !c.policy.Load().Disabled {
		c.open(now)
	}
}

// judge takes in the result of a probe of era e.
func (c *Circuit) judge(e *era, now int64, probe uint64, outcome fault.Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.era.Load() != e || !c.giveBack(probe) {
		return // its lease had lapsed
	}
	switch outcome {
	case fault.Success:
		if c.passed++; c.passed >= c.policy.Load().SuccessThreshold {
			c.reopened = 0
			c.change(Closed, 0)
		}
	case fault.Failure:
		c.reopened++
		c.open(now)
	case fault.Ignored:
	}
}

// probe is the permit of a circuit that is not closed, if it gives one.
func (c *Circuit) probe(now int64) (Permit, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.era.Load()
	switch {
	case e.state == Closed:
		return Permit{circuit: c, era: e, start: now}, nil
	case e.state == Open && now < e.until:
		return Permit{}, e.refuse(c.name, now)
	case e.state == Open:
		e = c.change(HalfOpen, 0)
	}
	id, err := c.lend(e, now)
	if err != nil {
		return Permit{}, err
	}
	return Permit{circuit: c, era: e, start: now, probe: id}, nil
}

// open opens the circuit. The lock is held.
func (c *Circuit) open(now int64) {
	c.change(Open, now+int64(c.policy.Load().pause(c.reopened)))
}

// change enters a state, an open one until a moment. What came before counts no
// more. The lock is held.
func (c *Circuit) change(to State, until int64) *era {
	before := c.era.Load()
	c.news.queue(Change{Name: c.name, From: before.state, To: to, At: time.Now()})
	c.passed, c.probes = 0, c.probes[:0]
	seen := before.window.Load()
	if to == Closed {
		seen = window.New(c.policy.Load().Window)
	}
	e := newEra(to, until, seen)
	c.era.Store(e)
	return e
}

// lend gives out the lease of a probe, where one is free. The lock is held.
func (c *Circuit) lend(e *era, now int64) (uint64, error) {
	p := c.policy.Load()
	kept := c.probes[:0]
	soonest := int64(0)
	for _, l := range c.probes {
		if l.until > now {
			kept = append(kept, l)
			if soonest == 0 || l.until < soonest {
				soonest = l.until
			}
		}
	}
	c.probes = kept
	if len(kept) >= p.MaxRequests {
		return 0, refusal(c.name, e.state, min(time.Duration(soonest-now), p.Timeout))
	}
	c.lent++
	c.probes = append(c.probes, lease{c.lent, now + int64(p.ProbeLease)})
	return c.lent, nil
}

// giveBack ends the lease of a probe; false when it had lapsed. The lock is
// held.
func (c *Circuit) giveBack(probe uint64) bool {
	for i, l := range c.probes {
		if l.id == probe {
			c.probes = append(c.probes[:i], c.probes[i+1:]...)
			return true
		}
	}
	return false
}

// idle says that nothing would be lost by forgetting the circuit. One that is
// not closed would long have admitted probes.
func (c *Circuit) idle() bool {
	used := max(c.tally.last(), c.era.Load().until)
	return time.Duration(c.now()-used) > idleCircuit
}

func (c *Circuit) now() int64 { return int64(time.Since(c.born)) }
