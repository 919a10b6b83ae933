package breaker

import (
	"context"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

// done takes in the result of a permitted call.
func (c *Circuit) done(ctx context.Context, p Permit, err error) {
	e := p.era
	policy := c.policy.Load()
	if err == nil && p.start == untimed && policy.FailureThreshold > 0 {
		c.tally.succeeded.Add()
		e.inRow(0, false)
		return
	}
	now := c.now(ctx)
	took := time.Duration(0) // where it is not known
	if p.start != untimed {
		took = time.Duration(max(now-p.start, 0))
	}
	outcome := c.judge(ctx, now, p.start != untimed, took, err, policy)
	switch {
	case c.era.Load() != e:
		c.late(now, p.probe)
	case e.closed && outcome != fault.Ignored:
		if c.opens(e, now, outcome == fault.Failure, policy.slow(took), policy) {
			c.trip(e, now, answered(err))
		}
	case e.state == HalfOpen:
		if notItsOwn(err) {
			outcome = fault.Success // whoever says so is there
		}
		if policy.slow(took) && outcome == fault.Success {
			outcome = fault.Failure // what opened for slowness is not well while it is slow
		}
		c.probed(e, now, p.probe, outcome, answered(err))
	}
}

// notItsOwn says that the callee has passed on a failure, or has no room for the
// call, which is for a limit to heed: an open circuit would refuse those too for
// whom there is room.
func notItsOwn(err error) bool { return fault.IsRelayed(err) || fault.IsOverloaded(err) }

// judge classifies a result and adds it to the tally. A failure that the callee
// passes on is not its own, nor is a lack of room. A deadline of the caller that ran out is the callee's
// failure where the call was slow by what the circuit has seen.
func (c *Circuit) judge(ctx context.Context, now int64, timed bool, took time.Duration, err error, policy *Policy) fault.Outcome {
	if err == nil {
		if timed {
			c.tally.succeed(now, took, policy.Window)
		} else {
			c.tally.succeeded.Add()
		}
		return fault.Success
	}
	caller := endpoint.CallerOf(ctx)
	outcome := fault.Classify(caller, err)
	if notItsOwn(err) {
		outcome = fault.Ignored
	}
	if outcome == fault.Ignored && timed && fault.CallerExpired(caller, err) &&
		(policy.slow(took) || c.tally.slow(took)) {
		outcome = fault.Failure
	}
	c.tally.fail(now, outcome, err)
	return outcome
}

// opens takes in a result of a closed circuit.
func (c *Circuit) opens(e *era, now int64, failed, slow bool, p *Policy) bool {
	if p.FailureThreshold == 0 {
		return e.count(now, failed, slow, p)
	}
	return e.inRow(now, failed) >= int64(p.FailureThreshold) && !p.Disabled && !e.forced.Load()
}

// trip opens the circuit that was closed in era e, unless that is over.
func (c *Circuit) trip(e *era, now int64, answered bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.era.Load() == e && !c.policy.Load().Disabled && !e.forced.Load() {
		c.unsure = 0
		if answered {
			c.unsure = c.policy.Load().unsure(e.row.Load())
		}
		c.open(now)
	}
}

// probed takes in the result of a probe of era e.
func (c *Circuit) probed(e *era, now int64, probe uint64, outcome fault.Outcome, answered bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.giveBack(now, probe) || c.era.Load() != e {
		return // its lease had lapsed, or its era is over
	}
	switch outcome {
	case fault.Success:
		if c.passed++; c.passed >= c.policy.Load().SuccessThreshold {
			c.change(Closed, 0, false)
		}
	case fault.Failure:
		if answered && c.unsure > 0 {
			c.unsure--
			c.passed = 0
			return
		}
		c.unsure = 0
		c.open(now)
	case fault.Ignored:
	}
}

// answered says that a failure came from somebody, who may answer the next call better.
func answered(err error) bool {
	return !fault.IsUnreached(err) && fault.CodeOf(err) != fault.DeadlineExceeded
}

// late takes in that a call has ended whose era is over: it makes room for another
// probe, and changes nothing else.
func (c *Circuit) late(now int64, probe uint64) {
	if probe == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.giveBack(now, probe)
}

// open opens the circuit. The lock is held.
func (c *Circuit) open(now int64) {
	e := c.era.Load()
	if e.closed {
		c.past.forget(c.tally.succeeded.Sum(), c.tally.failed.Load(), e.row.Load())
		c.failing = min(e.rowFrom.Load(), now) // now, where it opens for a share
	}
	c.change(Open, later(now, c.policy.Load().pause(time.Duration(now-c.failing), &c.dice)), false)
}
