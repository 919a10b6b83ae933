package loadbalance

import (
	"sync/atomic"
	"time"
)

// state says whether a node is used, and if not, why.
type state = int32

const (
	healthy     state = iota
	ejected           // for failures; when the ejection is over it gets probes
	onProbation       // for latency: it gets probes only
)

// nodeHealth is the state of a node and how it came there. Only health writes to it.
type nodeHealth struct {
	state        atomic.Int32
	ignoreBefore atomic.Int64 // calls that started before do not count, ns since the pool was created
	ejectedUntil atomic.Int64 // ns since the pool was created

	// Guarded by Pool.mu.
	ejections          int  // in a row, each longer than the one before
	gone               bool // it is out and does not answer, while others do
	goneSince          time.Duration
	refusesConnections bool // it is gone, and refuses connections
	probes             probes
}

// isEjected says that the node is ejected and its time is not over.
func (n *nodeHealth) isEjected(now time.Duration) bool {
	return n.state.Load() == ejected && n.ejectedUntil.Load() > int64(now)
}

// ignores says that a call which started at start does not count: the state has changed
// since.
func (n *nodeHealth) ignores(start time.Duration) bool { return int64(start) < n.ignoreBefore.Load() }

// eject ejects a node, each time for longer. A node that is gone is probed sooner, after
// half the time for which it has been gone, since a refused connection costs no call
// anything.
func (n *nodeHealth) eject(now time.Duration, e Ejection) {
	const maxPeriods = 10
	if n.gone {
		if n.state.Load() == healthy {
			n.goneSince = now
		}
		n.ejectUntil(now + min(max((now-n.goneSince)/2, e.Period/5), maxPeriods*e.Period))
		return
	}
	if until := n.ejectedUntil.Load(); until > 0 && int64(now)-until > int64(maxPeriods*e.Period) {
		n.ejections = 0
	}
	n.ejections = min(n.ejections+1, maxPeriods)
	n.ejectUntil(now + e.Period*time.Duration(n.ejections))
}

func (n *nodeHealth) ejectUntil(until time.Duration) {
	n.ejectedUntil.Store(int64(until))
	n.ignoreBefore.Store(int64(until))
	n.state.Store(ejected)
	n.probes.restart(until)
}

// putOnProbation gives a slow node nothing but probes, the first one after an interval.
func (n *nodeHealth) putOnProbation(now, interval time.Duration) {
	n.ignoreBefore.Store(int64(now))
	n.state.Store(onProbation)
	n.probes.restart(now + interval)
}

// readmit makes a node healthy.
func (n *nodeHealth) readmit(now time.Duration) {
	n.gone, n.refusesConnections = false, false
	n.ignoreBefore.Store(int64(now))
	n.ejectedUntil.Store(min(n.ejectedUntil.Load(), int64(now)))
	n.state.Store(healthy)
}

// unsafeDelay is how long a node that is due for a probe waits for a safe call. It is 0
// after a good probe, and for a node that refuses connections: a call that it refuses has
// not run, and may be repeated.
func (n *nodeHealth) unsafeDelay(p Probation) time.Duration {
	const intervals = 10 // without a safe call, after which any call may probe
	if n.probes.successes > 0 || n.refusesConnections {
		return 0
	}
	return intervals * p.Interval
}
