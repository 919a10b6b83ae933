package loadbalance

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/internal/rng"
)

// probes are the results of the probes of a node that is out, and when the next is due.
type probes struct {
	successes int // in a row
	totalTook time.Duration
	inFlight  bool          // of a probe
	startedAt time.Duration // of the last probe
	due       time.Duration // the start of the next probe
}

// restart starts a probation whose first probe is due at a moment. A probe in flight stays
// so until it ends.
func (p *probes) restart(due time.Duration) {
	p.successes, p.totalTook, p.due = 0, 0, due
}

// fail records a call that was not good. pause is the time until the next probe.
func (p *probes) fail(now, pause time.Duration) {
	p.successes, p.totalTook = 0, 0
	p.due = max(p.due, now+pause)
}

// succeed records a good call. The next probe may follow at once.
func (p *probes) succeed(now, took time.Duration) {
	p.successes++
	p.totalTook += took
	p.due = now
}

// end ends the probe that started at start, if that is the one in flight.
func (p *probes) end(start time.Duration) (ended bool) {
	if ended = p.inFlight && start == p.startedAt; ended {
		p.inFlight = false
	}
	return ended
}

// meanTook is how long the good calls in a row took, in ns.
func (p *probes) meanTook() float64 { return float64(p.totalTook) / float64(p.successes) }

// next is when the next probe may start; or, while one is in flight, when it is given up.
func (p *probes) next(timeout time.Duration) time.Duration {
	if p.inFlight {
		return p.startedAt + timeout
	}
	return p.due
}

// prober chooses which call is the probe of a node that is out, one at a time for each.
type prober struct {
	policy Probation
	rng    *rng.Source
	safe   atomic.Int64 // when the next safe call may be a probe, ns since the pool was created
	unsafe atomic.Int64 // when any call may be
}

// isDue says that a node may be due for a probe. It is safe for concurrent use.
func (p *prober) isDue(now time.Duration, safe bool) bool {
	return safe && int64(now) >= p.safe.Load() || int64(now) >= p.unsafe.Load()
}

// schedule publishes to isDue when the next probe of these nodes is due.
func (p *prober) schedule(nodes []*node) {
	safe, unsafe := int64(math.MaxInt64), int64(math.MaxInt64)
	for _, n := range nodes {
		if !n.isHealthy() {
			next := n.health.probes.next(p.policy.Timeout)
			safe = min(safe, int64(next))
			unsafe = min(unsafe, int64(next+n.health.unsafeDelay(p.policy)))
		}
	}
	p.safe.Store(safe)
	p.unsafe.Store(unsafe)
}

// claim returns a node that is due, and makes this call its probe. It returns nil if none
// is due.
func (p *prober) claim(nodes []*node, now time.Duration, safe bool) *node {
	defer p.schedule(nodes)
	for _, n := range nodes {
		if n.isHealthy() {
			continue
		}
		s := &n.health.probes
		if s.inFlight && now >= s.next(p.policy.Timeout) {
			s.inFlight = false // given up
			s.fail(now, p.pause())
		}
		due := s.due
		if !safe {
			due += n.health.unsafeDelay(p.policy)
		}
		if s.inFlight || now < due || p.policy.Disabled {
			continue
		}
		s.inFlight, s.startedAt = true, now
		return n
	}
	return nil
}

// pause is the time from a probe that was not good to the next one. It is drawn, so that
// the clients of an instance do not probe it in the same moment.
func (p *prober) pause() time.Duration {
	return p.policy.Interval + p.rng.Duration(p.policy.Interval/4)
}
