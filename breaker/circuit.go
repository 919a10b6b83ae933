package breaker

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/window"
)

// What a circuit's window counts.
const (
	calls = iota
	failures
	slowCalls
)

// Circuit is the [Breaker] of one callee.
type Circuit struct {
	name string
	born time.Time
	news listeners

	mu       sync.Mutex
	policy   Policy // with its defaults
	state    State
	era      uint64 // counts the changes of state
	window   window.Window
	row      int   // failures in a row
	openedAt int64 // times are in ns since born
	openFor  time.Duration
	reopened int // how often in a row probes have failed
	passed   int // probes that succeeded
	probes   []lease
	lastUsed int64
	tally    tally
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
	c := &Circuit{name: name, born: time.Now(), state: Closed, policy: p.withDefaults()}
	c.window = window.New(c.policy.Window)
	return c
}

// Allow implements [Breaker].
func (c *Circuit) Allow(context.Context) (Permit, error) {
	now := c.now()
	c.mu.Lock()
	c.lastUsed = now
	p := Permit{circuit: c, start: now}
	var err error
	switch {
	case c.state == Closed || c.policy.Disabled:
	case c.state == Open && now < c.openedAt+int64(c.openFor):
		err = c.refusal(time.Duration(c.openedAt + int64(c.openFor) - now))
	default:
		if c.state == Open {
			c.change(HalfOpen)
		}
		p.probe, err = c.lend(now)
	}
	p.era = c.era
	c.mu.Unlock()
	c.news.deliver()
	if err != nil {
		return Permit{}, err
	}
	return p, nil
}

// Middleware guards an endpoint with the circuit. A panic counts as a failure.
func (c *Circuit) Middleware() endpoint.Middleware { return Middleware(c) }

// Set replaces the policy; state, window and listeners stay. An invalid policy
// is refused and changes nothing. One that is Disabled closes the circuit.
func (c *Circuit) Set(p Policy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	now := c.now()
	c.mu.Lock()
	c.policy = p.withDefaults()
	c.window = c.window.Resized(c.policy.Window, now)
	if p.Disabled && c.state != Closed {
		c.change(Closed)
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
func (c *Circuit) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Policy is the policy in force, its defaults filled in.
func (c *Circuit) Policy() Policy {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.policy
}

// Snapshot implements [Breaker].
func (c *Circuit) Snapshot() Snapshot {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Snapshot{ID: c.name, Service: c.name, State: c.state, FailureCount: c.row, SuccessCount: c.passed}
	if c.policy.FailureThreshold == 0 {
		s.FailureCount = c.window.Sum(now)[failures]
	}
	s.Config = Config{c.policy.FailureThreshold, c.policy.SuccessThreshold, c.policy.Timeout, c.policy.MaxRequests}
	c.tally.into(&s, c.born)
	return s
}

// done takes in the result of a permitted call.
func (c *Circuit) done(ctx context.Context, p Permit, err error) {
	now := c.now()
	took := time.Duration(now - p.start)
	outcome := fault.Classify(ctx, err)
	c.mu.Lock()
	if outcome == fault.Ignored && took >= c.policy.SlowCall && fault.Expired(ctx, err) {
		outcome = fault.Failure
	}
	if p.era == c.era {
		c.tally.add(now, took, outcome, err)
		switch c.state {
		case Closed:
			c.count(now, took, outcome)
		case HalfOpen:
			c.judge(now, p.probe, outcome)
		case Open:
		}
	}
	c.mu.Unlock()
	c.news.deliver()
}

// count takes in a result of the closed state, which may open the circuit.
func (c *Circuit) count(now int64, took time.Duration, outcome fault.Outcome) {
	if outcome == fault.Ignored || c.policy.Disabled {
		return
	}
	failed, slow := outcome == fault.Failure, took >= c.policy.SlowCall
	counts := c.window.At(now)
	counts[calls]++
	c.row++
	if failed {
		counts[failures]++
	} else {
		c.row = 0
	}
	if slow {
		counts[slowCalls]++
	}
	if c.policy.FailureThreshold > 0 {
		if c.row >= c.policy.FailureThreshold {
			c.open(now)
		}
		return
	}
	in := c.window.Sum(now)
	reached := func(percent, n int) bool { return n > 0 && 100*n >= percent*in[calls] }
	if in[calls] >= c.policy.MinCalls &&
		(reached(c.policy.FailurePercent, in[failures]) || reached(c.policy.SlowPercent, in[slowCalls])) {
		c.open(now)
	}
}

// judge takes in the result of a probe.
func (c *Circuit) judge(now int64, probe uint64, outcome fault.Outcome) {
	if !c.giveBack(probe) {
		return // its lease had lapsed
	}
	switch outcome {
	case fault.Success:
		if c.passed++; c.passed >= c.policy.SuccessThreshold {
			c.reopened = 0
			c.change(Closed)
		}
	case fault.Failure:
		c.reopened++
		c.open(now)
	case fault.Ignored:
	}
}

func (c *Circuit) open(now int64) {
	c.openedAt, c.openFor = now, c.policy.pause(c.reopened)
	c.change(Open)
}

// change enters a state. What came before counts no more.
func (c *Circuit) change(to State) {
	c.news.queue(Change{Name: c.name, From: c.state, To: to, At: time.Now()})
	c.state = to
	c.era++
	c.row, c.passed, c.probes = 0, 0, c.probes[:0]
	if to == Closed {
		c.window = window.New(c.policy.Window)
	}
}

// lend gives out the lease of a probe, where one is free.
func (c *Circuit) lend(now int64) (uint64, error) {
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
	if len(kept) >= c.policy.MaxRequests {
		return 0, c.refusal(min(time.Duration(soonest-now), c.policy.Timeout))
	}
	c.tally.probes++
	c.probes = append(c.probes, lease{c.tally.probes, now + int64(c.policy.ProbeLease)})
	return c.tally.probes, nil
}

func (c *Circuit) giveBack(probe uint64) bool {
	for i, l := range c.probes {
		if l.id == probe {
			c.probes = append(c.probes[:i], c.probes[i+1:]...)
			return true
		}
	}
	return false
}

func (c *Circuit) refusal(wait time.Duration) error {
	return fault.Unavailable.Errorf("the breaker of %s is %s", c.name, c.state).
		WithReason("breaker_open").WithRetryAfter(wait).WithUnprocessed()
}

func (c *Circuit) now() int64 { return int64(time.Since(c.born)) }

// pause is how long to stay open when probes have failed so often in a row.
func (p Policy) pause(reopened int) time.Duration {
	pause := p.Timeout
	for range reopened {
		if pause *= 2; pause >= p.MaxTimeout {
			pause = p.MaxTimeout
			break
		}
	}
	if spread := min(pause/4, pause-p.Timeout); spread > 0 {
		pause -= rand.N(spread)
	}
	return pause
}
