package loadbalance

import (
	"math"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// worked ends a row of failures.
func (n *node) worked() {
	if n.streak.Load() != 0 {
		n.streak.Store(0)
	}
}

// blame counts a failure in a row, of a call that began at start, and ejects for
// too many. A connection that nobody takes is as many at once.
func (b *Pool) blame(n *node, start, now time.Duration, err error) {
	if n.standing.Load() != in || int64(start) < n.inSince.Load() {
		return // what began before says nothing of the time after
	}
	e := &b.view.Load().policy.Ejection
	row := int32(1)
	if nobodyThere(err) {
		row = int32(e.Failures)
	}
	streak := n.streak.Add(row)
	if e.Disabled || streak/int32(e.Failures) == (streak-row)/int32(e.Failures) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if n.standing.Load() == in && b.unlikely(n) && b.takeOut(n, ejected, now) {
		b.publish(now)
	}
}

// nobodyThere says that err is no answer of an instance, but of the network that
// did not reach it.
func nobodyThere(err error) bool {
	return fault.CodeOf(err) == fault.Unavailable && fault.IsUnprocessed(err) && fault.ReasonOf(err) == ""
}

// unlikely says that a node has failed too often in a row, and more often than
// one would that fails as the others do, but once in a million calls.
func (b *Pool) unlikely(n *node) bool {
	streak := int(n.streak.Load())
	if streak < b.policy.Ejection.Failures {
		return false
	}
	sum, rated := 0.0, 0
	for _, other := range b.nodes {
		if rate, known := other.recent.failing(other); known && other != n && other.standing.Load() == in {
			sum += rate
			rated++
		}
	}
	return rated == 0 || math.Pow(sum/float64(rated), float64(streak)) < 1e-6
}

// takeOut takes a node that is in out of use, unless too many are, or the others
// fail as it does.
func (b *Pool) takeOut(n *node, to standing, now time.Duration) bool {
	e := b.policy.Ejection
	out := 1
	known := false
	for _, other := range b.nodes {
		if other != n && other.standing.Load() != in {
			out++
		}
		known = known || other == n
	}
	if !known || !e.allows(out, len(b.nodes)) || to == ejected && b.failing(n, 2) >= 0.5 {
		return false
	}
	n.probation = probation{}
	if to == ejected {
		b.eject(n, now)
		return true
	}
	n.inSince.Store(int64(now))
	n.standing.Store(slowed)
	n.probation.due = now + b.policy.Probation.Interval
	return true
}

// eject gives a node that is out a time to be so, each longer than the last.
func (b *Pool) eject(n *node, now time.Duration) {
	e := b.policy.Ejection
	if until := n.until.Load(); until > 0 && int64(now)-until > int64(10*e.Period) {
		n.ejections = 0
	}
	n.ejections = min(n.ejections+1, 10)
	until := now + e.Period*time.Duration(n.ejections)
	n.until.Store(int64(until))
	n.inSince.Store(int64(until))
	n.standing.Store(ejected)
	n.probation = probation{due: until}
}

// readmit uses a node again.
func (b *Pool) readmit(n *node, now time.Duration) {
	n.streak.Store(0)
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
	out := 0
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
		out++
	}
	for ; !p.Ejection.allows(out, len(b.nodes)); out-- {
		var first *node
		for _, n := range b.nodes {
			if n.standing.Load() != in && (first == nil || n.inSince.Load() < first.inSince.Load()) {
				first = n
			}
		}
		b.readmit(first, now)
	}
}
