package loadbalance

import (
	"math"
	"slices"
	"time"
)

// resetStreak ends a row of failures.
func (n *node) resetStreak() {
	if n.streak.Load() != 0 {
		n.streak.Store(0)
	}
}

// recordFailure counts a failure in a row of a call that started at start, and ejects for
// too many. A refused connection counts as that many. noAnswer says that the node answered
// no call since start.
func (b *Pool) recordFailure(n *node, start, now time.Duration, unreached, noAnswer bool) {
	if n.health.Load() != healthy || int64(start) < n.ignoreBefore.Load() {
		return // the call started before the node's state changed
	}
	e := &b.routing.Load().policy.Ejection
	row := int32(1)
	if unreached {
		row = int32(e.Failures)
	}
	streak := n.streak.Add(row)
	if e.Disabled || streak/int32(e.Failures) == (streak-row)/int32(e.Failures) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if n.health.Load() != healthy {
		return
	}
	if n.gone = unreached && b.anotherWorks(n, 0) || noAnswer && b.anotherWorks(n, start) && b.failsMoreThanOthers(n, worksSince(start)); !n.gone && !b.failsMoreThanOthers(n, isHealthy) {
		return
	}
	n.refusesConnections = n.gone && unreached
	if b.markUnhealthy(n, ejected, now) {
		b.publish(now)
	}
}

func (b *Pool) anotherWorks(n *node, since time.Duration) bool {
	works := worksSince(since)
	return slices.ContainsFunc(b.nodes, func(other *node) bool { return other != n && works(other) })
}

func isHealthy(n *node) bool { return n.health.Load() == healthy }

// worksSince selects healthy nodes that have not failed their last call and have answered
// since a moment.
func worksSince(since time.Duration) func(*node) bool {
	return func(n *node) bool { return isHealthy(n) && n.streak.Load() == 0 && n.lastAnswer.Load() >= int64(since) }
}

// isSilent says that enough calls to eject a node have run out of time since its last
// answer. Their duration is then no measure of its latency.
func (b *Pool) isSilent(n *node) bool { return int(n.unanswered.Load()) >= b.policy.Ejection.Failures }

// failsMoreThanOthers says that a node has failed too often in a row, and that an instance
// with the failure rate of the others would do so once in a million times.
func (b *Pool) failsMoreThanOthers(n *node, others func(*node) bool) bool {
	streak := int(n.streak.Load())
	if streak < b.policy.Ejection.Failures {
		return false
	}
	sum, rated := 0.0, 0
	for _, other := range b.nodes {
		if rate, known := other.recent.failureRate(other); known && other != n && others(other) {
			sum += rate
			rated++
		}
	}
	return rated == 0 || math.Pow(sum/float64(rated), float64(streak)) < 1e-6
}

// markUnhealthy ends the use of a healthy node, unless too many are out or the others
// fail, too. A node that is gone is out in any case, and does not count among those that
// are out.
func (b *Pool) markUnhealthy(n *node, to health, now time.Duration) bool {
	e := b.policy.Ejection
	out, all := b.countOut()
	if !slices.Contains(b.nodes, n) || !n.gone && (!e.allows(out+1, all) || to == ejected && b.shareFailing(n, 2) >= 0.5) {
		return false
	}
	n.probes.restart(now)
	if to == ejected {
		b.eject(n, now)
		return true
	}
	n.ignoreBefore.Store(int64(now))
	n.health.Store(onProbation)
	n.probes.due = now + b.policy.Probation.Interval
	return true
}

// countOut returns how many nodes are out, of how many. It counts no nodes that are gone.
func (b *Pool) countOut() (out, all int) {
	for _, n := range b.nodes {
		switch {
		case n.health.Load() == healthy:
			all++
		case !n.gone:
			out++
			all++
		}
	}
	return out, all
}

// eject ejects a node, each time for longer. A node that is gone is probed sooner, after
// half the time for which it has been gone, since a refused connection costs no call
// anything.
func (b *Pool) eject(n *node, now time.Duration) {
	e := b.policy.Ejection
	if n.gone {
		if n.health.Load() == healthy {
			n.goneSince = now
		}
		n.ejectUntil(now + min(max((now-n.goneSince)/2, e.Period/5), 10*e.Period))
		return
	}
	if until := n.ejectedUntil.Load(); until > 0 && int64(now)-until > int64(10*e.Period) {
		n.ejections = 0
	}
	n.ejections = min(n.ejections+1, 10)
	n.ejectUntil(now + e.Period*time.Duration(n.ejections))
}

func (n *node) ejectUntil(until time.Duration) {
	n.ejectedUntil.Store(int64(until))
	n.ignoreBefore.Store(int64(until))
	n.health.Store(ejected)
	n.probes.restart(until)
}

// readmit makes a node healthy.
func (b *Pool) readmit(n *node, now time.Duration) {
	n.streak.Store(0)
	n.gone, n.refusesConnections = false, false
	n.recent.reset(n)
	n.ignoreBefore.Store(int64(now))
	n.ejectedUntil.Store(min(n.ejectedUntil.Load(), int64(now)))
	n.health.Store(healthy)
}

// shareFailing is the share of the healthy nodes other than n whose last calls, so many
// in a row, have failed.
func (b *Pool) shareFailing(n *node, streak int32) float64 {
	bad, all := 0, 0
	for _, other := range b.nodes {
		if other == n || other.health.Load() != healthy {
			continue
		}
		all++
		if other.streak.Load() >= streak {
			bad++
		}
	}
	return float64(bad) / float64(max(all, 1))
}

// enforcePolicy readmits nodes that the policy does not allow to be out. The node whose
// ejection ends first is first.
func (b *Pool) enforcePolicy(now time.Duration) {
	p := b.policy
	for _, n := range b.nodes {
		switch n.health.Load() {
		case healthy:
			continue
		case ejected:
			if p.Ejection.Disabled {
				b.readmit(n, now)
				continue
			}
		case onProbation:
			if p.Probation.Disabled {
				b.readmit(n, now)
				continue
			}
		}
	}
	for out, all := b.countOut(); !p.Ejection.allows(out, all); out-- {
		var first *node
		for _, n := range b.nodes {
			if n.health.Load() != healthy && !n.gone && (first == nil || n.ignoreBefore.Load() < first.ignoreBefore.Load()) {
				first = n
			}
		}
		b.readmit(first, now)
	}
}
