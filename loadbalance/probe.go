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

// anew begins a probation whose first probe is due at a moment. A probe under way is
// so until it ends.
func (s *probation) anew(due time.Duration) {
	s.good, s.took, s.due = 0, 0, due
}

// patience is for how many intervals a node waits for a safe call.
const patience = 10

// patience is for how long a node waits for a safe call. One that has answered well
// does not, nor does one that takes no connection: a call which that refuses has not
// run anywhere, and may be repeated.
func (n *node) patience(p Probation) time.Duration {
	if n.probation.good > 0 || n.refuses {
		return 0
	}
	return patience * p.Interval
}

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
			s.flying = false // given up
			b.missed(n, now)
		}
		due := s.due
		if !r.Safe {
			due += n.patience(p)
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
			anyone = min(anyone, int64(s.began+p.Timeout+n.patience(p)))
		} else {
			next = min(next, int64(s.due))
			anyone = min(anyone, int64(s.due+n.patience(p)))
		}
	}
	b.learned.nextProbe.Store(next)
	b.learned.anyProbe.Store(anyone)
}

// tested hears of a probe, and of another call to a node that is out. One that began
// before its probation says nothing.
func (b *Pool) tested(p Picked, now, took time.Duration, end end, gone bool) {
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
	slow := (end != refused || b.silent(n)) && int64(took) > b.learned.limit.Load() // late told apart what takes as long everywhere
	policy := b.policy.Probation
	switch {
	case end == failed && n.standing.Load() == slowed && b.policy.Ejection.Disabled:
		b.missed(n, now)
	case end == failed:
		n.gone = gone && (n.gone || b.silent(n) && b.othersWork(n, p.start))
		n.refuses = n.refuses && n.gone
		b.eject(n, now)
		b.settle(now) // one that answers again, if badly, is one of those of which not too many may be out
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

// missed is a call in probation that was not good.
func (b *Pool) missed(n *node, now time.Duration) {
	s, interval := &n.probation, b.policy.Probation.Interval
	s.good, s.took = 0, 0
	s.due = max(s.due, now+interval+b.dice.Duration(interval/4))
}
