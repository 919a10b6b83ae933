package loadbalance

import (
	"math"
	"time"
)

// probeState is the result of the probes of a node that is out. Pool.mu guards it.
type probeState struct {
	successes int // in a row
	totalTook time.Duration
	inFlight  bool          // of a probe
	startedAt time.Duration // of the last probe
	due       time.Duration // the start of the next probe
}

// restart starts a probation whose first probe is due at a moment. A probe in flight stays
// so until it ends.
func (s *probeState) restart(due time.Duration) {
	s.successes, s.totalTook, s.due = 0, 0, due
}

// unsafeIntervals is after how many intervals without a safe call any call may probe.
const unsafeIntervals = 10

// unsafeDelay is how long a node waits for a safe call. It is 0 after a good probe, and for
// a node that refuses connections: a call that it refuses has not run, and may be
// repeated.
func (n *node) unsafeDelay(p Probation) time.Duration {
	if n.probes.successes > 0 || n.refusesConnections {
		return 0
	}
	return unsafeIntervals * p.Interval
}

func (b *Pool) probeDue(now time.Duration, safe bool) bool {
	return safe && int64(now) >= b.stats.nextProbe.Load() || int64(now) >= b.stats.nextUnsafeProbe.Load()
}

// claimProbe returns a node that is due, and makes this call its probe. It returns nil if
// none is due, or if another call holds the lock.
func (b *Pool) claimProbe(now time.Duration, r Request) *node {
	if !b.mu.TryLock() {
		return nil
	}
	defer b.mu.Unlock()
	defer b.scheduleProbes()
	p := b.policy.Probation
	for _, n := range b.nodes {
		if n.health.Load() == healthy {
			continue
		}
		s := &n.probes
		if s.inFlight && now >= s.startedAt+p.Timeout {
			s.inFlight = false // given up
			b.failProbe(n, now)
		}
		due := s.due
		if !r.Safe {
			due += n.unsafeDelay(p)
		}
		if s.inFlight || now < due || p.Disabled {
			continue
		}
		s.inFlight, s.startedAt = true, now
		return n
	}
	return nil
}

// scheduleProbes publishes when the next probe is due.
func (b *Pool) scheduleProbes() {
	next, unsafe := int64(math.MaxInt64), int64(math.MaxInt64)
	p := b.policy.Probation
	for _, n := range b.nodes {
		if n.health.Load() == healthy {
			continue
		}
		if s := &n.probes; s.inFlight {
			next = min(next, int64(s.startedAt+p.Timeout))
			unsafe = min(unsafe, int64(s.startedAt+p.Timeout+n.unsafeDelay(p)))
		} else {
			next = min(next, int64(s.due))
			unsafe = min(unsafe, int64(s.due+n.unsafeDelay(p)))
		}
	}
	b.stats.nextProbe.Store(next)
	b.stats.nextUnsafeProbe.Store(unsafe)
}

// onProbeResult handles the end of a probe, and of any call to a node that is out. A call
// that started before the node was out does not count.
func (b *Pool) onProbeResult(p Picked, now, took time.Duration, result outcome, gone bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := p.node
	s := &n.probes
	if p.Probe && s.inFlight && p.start == s.startedAt {
		s.inFlight = false
		defer b.scheduleProbes()
	}
	if n.health.Load() == healthy || int64(p.start) < n.ignoreBefore.Load() {
		return
	}
	// A call that took as long at all nodes is not slow: expiredOutcome made it refused.
	slow := (result != refused || b.isSilent(n)) && int64(took) > b.stats.slowAbove.Load()
	policy := b.policy.Probation
	switch {
	case result == failed && n.health.Load() == onProbation && b.policy.Ejection.Disabled:
		b.failProbe(n, now)
	case result == failed:
		n.gone = gone && (n.gone || b.isSilent(n) && b.anotherWorks(n, p.start))
		n.refusesConnections = n.refusesConnections && n.gone
		b.eject(n, now)
		b.enforcePolicy(now) // a node that answers counts for MaxPercent again
		b.publish(now)
	case slow:
		b.failProbe(n, now)
	case result == success, result == refused:
		s.successes++
		s.totalTook += took
		if s.due = now; s.successes < policy.Successes {
			return
		}
		mean := float64(s.totalTook) / float64(s.successes)
		// A low latency would attract all calls at once where the others are busy.
		n.latency.set(mean, max(mean, b.stats.meanExpected.get()))
		b.readmit(n, now)
		b.publish(now)
	default:
		s.due = s.startedAt + policy.Interval
	}
}

// failProbe handles a call to a node on probation that was not good.
func (b *Pool) failProbe(n *node, now time.Duration) {
	s, interval := &n.probes, b.policy.Probation.Interval
	s.successes, s.totalTook = 0, 0
	s.due = max(s.due, now+interval+b.rng.Duration(interval/4))
}
