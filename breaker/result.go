package breaker

import (
	"context"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/callctx"
)

// finish handles the result of a permitted call.
func (c *Circuit) finish(ctx context.Context, p Permit, err error) {
	gen := p.generation
	policy := c.policy.Load()
	if err == nil && p.start == untimed && policy.FailureThreshold > 0 {
		c.tally.succeeded.Add()
		gen.addToRow(0, false)
		return
	}
	now := c.nowIn(ctx)
	took := time.Duration(0) // 0 if not known
	if p.start != untimed {
		took = time.Duration(max(now-p.start, 0))
	}
	verdict, outcome := c.judge(ctx, now, p.start != untimed, took, err, policy)
	switch {
	case c.generation.Load() != gen:
		c.onLateResult(now, p.leaseID)
	case gen.closed && outcome != fault.Ignored:
		if c.addClosed(gen, now, outcome == fault.Failure, policy.isSlow(took), policy) {
			c.trip(gen, now, wasAnswered(verdict))
		}
	case gen.state == HalfOpen:
		if verdict == fault.Relayed || verdict == fault.Overloaded {
			outcome = fault.Success // the callee is reachable
		}
		if policy.isSlow(took) && outcome == fault.Success {
			outcome = fault.Failure // a circuit that opened for slow calls must not close on one
		}
		c.onProbeResult(gen, now, p.leaseID, outcome, wasAnswered(verdict))
	}
}

// judge judges a result and adds it to the tally. A caller's deadline that ran out is a
// failure if the call was slow for this circuit.
func (c *Circuit) judge(ctx context.Context, now int64, timed bool, took time.Duration, err error, policy *Policy) (fault.Verdict, fault.Outcome) {
	if err == nil {
		if timed {
			c.tally.addSuccess(now, took, policy.Window)
		} else {
			c.tally.succeeded.Add()
		}
		return fault.OK, fault.Success
	}
	verdict := fault.Judge(callctx.CallerOf(ctx), err)
	outcome := verdict.Outcome()
	switch verdict {
	case fault.Relayed, fault.Overloaded: // an open circuit would also refuse calls for which there is room
		outcome = fault.Ignored
	case fault.Expired:
		if timed && (policy.isSlow(took) || c.tally.tookLong(took)) {
			outcome = fault.Failure
		}
	default:
	}
	c.tally.addFailure(now, verdict, outcome)
	return verdict, outcome
}

// addClosed counts a result of a closed circuit and says whether it opens the circuit.
func (c *Circuit) addClosed(gen *generation, now int64, failed, slow bool, p *Policy) bool {
	if p.FailureThreshold == 0 {
		return gen.add(now, failed, slow, p)
	}
	return gen.addToRow(now, failed) >= int64(p.FailureThreshold) && !p.Disabled && !gen.forced.Load()
}

// trip opens the circuit, unless generation gen is over.
func (c *Circuit) trip(gen *generation, now int64, answered bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.generation.Load() == gen && !c.policy.Load().Disabled && !gen.forced.Load() {
		c.unsureFailures = 0
		if answered {
			c.unsureFailures = c.policy.Load().unsureFailures(gen.row.Load())
		}
		c.open(now)
	}
}

// onProbeResult handles the result of a probe of generation gen.
func (c *Circuit) onProbeResult(gen *generation, now int64, probe uint64, outcome fault.Outcome, answered bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.endLease(now, probe) || c.generation.Load() != gen {
		return // its lease has expired, or its generation is over
	}
	switch outcome {
	case fault.Success:
		if c.successes++; c.successes >= c.policy.Load().SuccessThreshold {
			c.enter(Closed, 0, false)
		}
	case fault.Failure:
		if answered && c.unsureFailures > 0 {
			c.unsureFailures--
			c.successes = 0
			return
		}
		c.unsureFailures = 0
		c.open(now)
	case fault.Ignored:
	}
}

// wasAnswered says that the callee itself failed the call; it may answer the next one.
func wasAnswered(v fault.Verdict) bool {
	return v != fault.Unreached && v != fault.TimedOut && v != fault.Expired
}

// onLateResult ends the lease of a call whose generation is over.
func (c *Circuit) onLateResult(now int64, probe uint64) {
	if probe == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLease(now, probe)
}

// open opens the circuit. The caller holds the lock.
func (c *Circuit) open(now int64) {
	gen := c.generation.Load()
	if gen.closed {
		c.history.reset(c.tally.succeeded.Sum(), c.tally.failed.Load(), gen.row.Load())
		c.failingSince = min(gen.rowStart.Load(), now) // now if it opens for a share
	}
	c.enter(Open, saturatingAdd(now, c.policy.Load().openTime(time.Duration(now-c.failingSince), &c.rng)), false)
}
