package loadbalance

import (
	"math"
	"slices"
	"time"
)

// worked ends a row of failures.
func (n *node) worked() {
	if n.streak.Load() != 0 {
		n.streak.Store(0)
	}
}

// blame counts a failure in a row, of a call that began at start, and ejects for
// too many. A connection that nobody takes is as many at once. A node of which
// nothing was heard meanwhile is silent.
func (b *Pool) blame(n *node, start, now time.Duration, unreached, silent bool) {
	if n.standing.Load() != in || int64(start) < n.inSince.Load() {
		return // what began before says nothing of the time after
	}
	e := &b.view.Load().policy.Ejection
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
	if n.standing.Load() != in {
		return
	}
	if n.gone = unreached && b.othersWork(n, 0) || silent && b.othersWork(n, start) && b.unlikely(n, working(start)); !n.gone && !b.unlikely(n, used) {
		return
	}
	n.refuses = n.gone && unreached
	if b.takeOut(n, ejected, now) {
		b.publish(now)
	}
}

// othersWork says that another node works.
func (b *Pool) othersWork(n *node, since time.Duration) bool {
	works := working(since)
	return slices.ContainsFunc(b.nodes, func(other *node) bool { return other != n && works(other) })
}

func used(n *node) bool { return n.standing.Load() == in }

// working are the nodes that are used, have not failed their last call, and have
// answered since a moment.
func working(since time.Duration) func(*node) bool {
	return func(n *node) bool { return used(n) && n.streak.Load() == 0 && n.heard.Load() >= int64(since) }
}

// silent says that so many calls to a node have run out of time since anything was heard
// of it as are enough to eject one: how long they took is not how long it takes.
func (b *Pool) silent(n *node) bool { return int(n.unheard.Load()) >= b.policy.Ejection.Failures }

// unlikely says that a node has failed too often in a row, and more often than
// one would that fails as these others do, but once in a million calls.
func (b *Pool) unlikely(n *node, others func(*node) bool) bool {
	streak := int(n.streak.Load())
	if streak < b.policy.Ejection.Failures {
		return false
	}
	sum, rated := 0.0, 0
	for _, other := range b.nodes {
		if rate, known := other.recent.failing(other); known && other != n && others(other) {
			sum += rate
			rated++
		}
	}
	return rated == 0 || math.Pow(sum/float64(rated), float64(streak)) < 1e-6
}

// takeOut takes a node that is in out of use, unless too many are, or the others
// fail as it does. One that is gone is out in any case, and counts no more among
// those of which not too many may be.
func (b *Pool) takeOut(n *node, to standing, now time.Duration) bool {
	e := b.policy.Ejection
	out, all := b.outs()
	if !slices.Contains(b.nodes, n) || !n.gone && (!e.allows(out+1, all) || to == ejected && b.failing(n, 2) >= 0.5) {
		return false
	}
	n.probation.anew(now)
	if to == ejected {
		b.eject(n, now)
		return true
	}
	n.inSince.Store(int64(now))
	n.standing.Store(slowed)
	n.probation.due = now + b.policy.Probation.Interval
	return true
}

// outs are how many nodes are out, and of how many, those left out that are gone.
func (b *Pool) outs() (out, all int) {
	for _, n := range b.nodes {
		switch {
		case n.standing.Load() == in:
			all++
		case !n.gone:
			out++
			all++
		}
	}
	return out, all
}

// eject gives a node that is out a time to be so, each longer than the last. One
// that is gone is looked for sooner, since nobody pays for a connection that is
// refused: after half the time for which it has been gone.
func (b *Pool) eject(n *node, now time.Duration) {
	e := b.policy.Ejection
	if n.gone {
		if n.standing.Load() == in {
			n.goneSince = now
		}
		n.out(now + min(max((now-n.goneSince)/2, e.Period/5), 10*e.Period))
		return
	}
	if until := n.until.Load(); until > 0 && int64(now)-until > int64(10*e.Period) {
		n.ejections = 0
	}
	n.ejections = min(n.ejections+1, 10)
	n.out(now + e.Period*time.Duration(n.ejections))
}

// out ejects a node until a moment.
func (n *node) out(until time.Duration) {
	n.until.Store(int64(until))
	n.inSince.Store(int64(until))
	n.standing.Store(ejected)
	n.probation.anew(until)
}

// readmit uses a node again.
func (b *Pool) readmit(n *node, now time.Duration) {
	n.streak.Store(0)
	n.gone, n.refuses = false, false
	n.recent.forget(n)
	n.inSince.Store(int64(now))
	n.until.Store(min(n.until.Load(), int64(now)))
	n.standing.Store(in)
}

// failing is the share of the nodes in use other than n of which the last so
// many calls have failed.
func (b *Pool) failing(n *node, row int32) float64 {
	bad, all := 0, 0
	for _, other := range b.nodes {
		if other == n || other.standing.Load() != in {
			continue
		}
		all++
		if other.streak.Load() >= row {
			bad++
		}
	}
	return float64(bad) / float64(max(all, 1))
}

// settle uses again what the policy does not keep out: those first whose
// ejection is over first.
func (b *Pool) settle(now time.Duration) {
	p := b.policy
	for _, n := range b.nodes {
		switch n.standing.Load() {
		case in:
			continue
		case ejected:
			if p.Ejection.Disabled {
				b.readmit(n, now)
				continue
			}
		case slowed:
			if p.Probation.Disabled {
				b.readmit(n, now)
				continue
			}
		}
	}
	for out, all := b.outs(); !p.Ejection.allows(out, all); out-- {
		var first *node
		for _, n := range b.nodes {
			if n.standing.Load() != in && !n.gone && (first == nil || n.inSince.Load() < first.inSince.Load()) {
				first = n
			}
		}
		b.readmit(first, now)
	}
}
