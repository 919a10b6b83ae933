package loadbalance

import (
	"math"
	"time"
)

// probation is how a node that is out does with the single calls that it gets.
// It is guarded by Pool.mu.
type probation struct {
	good   int // in a row
	took   time.Duration
	flying bool          // a probe is under way
	began  time.Duration // of the last probe
	due    time.Duration // when the next may begin
}

// patience is for how many intervals a node waits for a safe call.
const patience = 10

func (b *Pool) probeDue(now time.Duration, safe bool) bool {
	return safe && int64(now) >= b.learned.nextProbe.Load() || int64(now) >= b.learned.anyProbe.Load()
}

// probe is a node whose turn it is to be probed, or nil.
// Someone else may be at it: then it is not for this call.
func (b *Pool) probe(now time.Duration, r Request) *node {
	if !b.mu.TryLock() {
		return nil
	}
	defer b.mu.Unlock()
	defer b.scheduleProbes()
	p := b.policy.Probation
	for _, n := range b.nodes {
		if n.standing.Load() == in {
			continue
		}
		s := &n.probation
		if s.flying && now >= s.began+p.Timeout {
			b.missed(n, now) // given up
		}
		due := s.due
		if !r.Safe && s.good == 0 {
			due += patience * p.Interval
		}
		if s.flying || now < due || p.Disabled {
			continue
		}
		s.flying, s.began = true, now
		return n
	}
	return nil
}

// scheduleProbes tells picks when the next probe is due.
func (b *Pool) scheduleProbes() {
	next, anyone := int64(math.MaxInt64), int64(math.MaxInt64)
	p := b.policy.Probation
	for _, n := range b.nodes {
		if n.standing.Load() == in {
			continue
		}
		if s := &n.probation; s.flying {
			next = min(next, int64(s.began+p.Timeout))
			anyone = min(anyone, int64(s.began+p.Timeout+patience*p.Interval))
		} else {
			next = min(next, int64(s.due))
			if s.good == 0 {
				anyone = min(anyone, int64(s.due+patience*p.Interval))
			} else {
				anyone = min(anyone, int64(s.due))
			}
		}
	}
	b.learned.nextProbe.Store(next)
	b.learned.anyProbe.Store(anyone)
}

// tested hears of a call to a node that is out. One that began before its
// probation says nothing.
func (b *Pool) tested(p Picked, now, took time.Duration, end end) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := p.node
	s := &n.probation
	if p.Probe && s.flying && p.start == s.began {
		s.flying = false
		defer b.scheduleProbes()
	}
	if n.standing.Load() == in || int64(p.start) < n.inSince.Load() {
		return
	}
	slow := int64(took) > b.learned.limit.Load()
	policy := b.policy.Probation
	switch {
	case end == failed && n.standing.Load() == slowed && b.policy.Ejection.Disabled:
		b.missed(n, now)
	case end == failed:
		b.eject(n, now)
		b.publish(now)
	case slow:
		b.missed(n, now)
	case end == fine, end == refused:
		s.good++
		s.took += took
		if s.due = now; s.good < policy.Successes {
			return
		}
		mean := float64(s.took) / float64(s.good)
		n.record.set(mean, max(mean, b.learned.typical.get())) // or it would be flooded where all others are busy
		b.readmit(n, now)
		b.publish(now)
	default:
		s.due = s.began + policy.Interval
	}
}

// missed is a probe that was not good.
func (b *Pool) missed(n *node, now time.Duration) {
	s, interval := &n.probation, b.policy.Probation.Interval
	s.good, s.took, s.flying = 0, 0, false
	s.due = now + interval + b.dice.Duration(interval/4)
}
