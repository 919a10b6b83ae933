package loadbalance

import (
	"math"
	"slices"
	"time"

	"github.com/sinew-go/sinew/internal/rng"
)

// health decides which nodes are out: ejected, or on probation. It is given the nodes, the
// policy and the time, and says whether a node's state has changed. It neither chooses nodes
// nor calls them. Its caller holds a lock for all methods; picks read latencies and prober
// without it, as far as these are atomic.
type health struct {
	nodes     []*node
	policy    Policy
	latencies latencies
	prober    prober
	// starves says that the algorithm gives no calls to a node with a high latency, so that
	// only a probe can show how it does.
	starves   bool
	lastSweep time.Duration
}

func (h *health) init(draws *rng.Source) {
	h.prober.rng = draws
	h.latencies.slowAbove.Store(math.MaxInt64)
}

// set replaces the policy. Nodes that it does not allow to be out are healthy again.
func (h *health) set(p Policy, now time.Duration) {
	h.policy, h.prober.policy = p, p.Probation
	h.starves = p.Algorithm == PeakEWMA
	h.enforcePolicy(now)
}

// update replaces the nodes.
func (h *health) update(nodes []*node, now time.Duration) {
	h.nodes = nodes
	h.enforcePolicy(now)
}

// sweep compares the nodes by what their calls have shown since the last sweep.
func (h *health) sweep(now time.Duration) (changed bool) {
	f := fadingAfter(now-h.lastSweep, h.policy.Ejection.Window)
	h.lastSweep = now
	for _, n := range h.nodes {
		n.recent.add(&n.stats, f)
	}
	h.latencies.update(h.nodes, h.policy, now)
	changed = h.ejectFailing(now)
	return h.detectSlow(now) || changed
}

// rowCompleted ejects a node that has failed too often in a row. unreached says that the
// last call made no connection, noAnswer that the node answered no call since start.
func (h *health) rowCompleted(n *node, start, now time.Duration, unreached, noAnswer bool) (changed bool) {
	if !n.isHealthy() {
		return false
	}
	others := h.failures()
	gone := unreached && others.anotherWorks(n, 0) ||
		noAnswer && others.anotherWorks(n, start) && others.failsMoreInARow(n, worksSince(start))
	n.health.gone = gone
	if !gone && !others.failsMoreInARow(n, (*node).isHealthy) {
		return false
	}
	n.health.refusesConnections = gone && unreached
	return h.markUnhealthy(n, ejected, now)
}

// ended is a call that has ended at a node that is out.
type ended struct {
	start, took time.Duration
	result      outcome
	isProbe     bool
	noAnswer    bool // none since start
}

// callEnded records the end of a probe, and of any call to a node that is out. A call that
// started before the node was out does not count.
func (h *health) callEnded(n *node, call ended, now time.Duration) (changed bool) {
	s := &n.health.probes
	if call.isProbe && s.end(call.start) {
		defer h.prober.schedule(h.nodes)
	}
	if n.isHealthy() || n.health.ignores(call.start) {
		return false
	}
	e := h.policy.Ejection
	silent := n.isSilent(e.Failures)
	// A call that took as long at all nodes is not slow: expiredOutcome made it refused.
	slow := (call.result != refused || silent) && int64(call.took) > h.latencies.slowAbove.Load()
	mayEject := !e.Disabled || n.health.state.Load() != onProbation
	switch {
	case call.result == failed && !mayEject, call.result != failed && slow:
		s.fail(now, h.prober.pause())
	case call.result == failed:
		n.health.gone = call.noAnswer && (n.health.gone || silent && h.failures().anotherWorks(n, call.start))
		n.health.refusesConnections = n.health.refusesConnections && n.health.gone
		n.health.eject(now, e)
		h.enforcePolicy(now) // a node that answers counts for MaxPercent again
		return true
	case call.result == success, call.result == refused:
		s.succeed(now, call.took)
		if s.successes < h.policy.Probation.Successes {
			return false
		}
		// A low latency would attract all calls at once where the others are busy.
		n.latency.set(s.meanTook(), max(s.meanTook(), h.latencies.meanExpected.Load()))
		h.readmit(n, now)
		return true
	default:
		s.due = s.startedAt + h.policy.Probation.Interval
	}
	return false
}

// ejectFailing ejects nodes that fail clearly more than the others, and readmits ejected
// nodes when the others fail as much.
func (h *health) ejectFailing(now time.Duration) (changed bool) {
	e := h.policy.Ejection
	if e.Disabled {
		return false
	}
	others := h.failures()
	if others.shareFailing(nil, int32(e.Failures)) >= 0.5 {
		for _, n := range h.nodes {
			if n.health.state.Load() == ejected && !(n.health.gone && others.anotherWorks(n, 0)) {
				h.readmit(n, now)
				n.streak.Store(int32(e.Failures)) // until a call succeeds
				changed = true
			}
		}
		return changed
	}
	rates := others.rates()
	for _, n := range h.nodes {
		switch {
		case h.policy.Probation.Disabled && n.health.state.Load() == ejected && !n.health.isEjected(now):
			h.readmit(n, now)
			changed = true
		case n.isHealthy() && (others.failsMoreInARow(n, (*node).isHealthy) || others.failsMoreOften(n, rates)):
			changed = h.markUnhealthy(n, ejected, now) || changed
		}
	}
	return changed
}

// detectSlow puts nodes on probation that are clearly slower than the others.
func (h *health) detectSlow(now time.Duration) (changed bool) {
	if h.policy.Probation.Disabled || !h.latencies.known() {
		return false
	}
	all := h.latencies.compare(h.nodes, now)
	for _, n := range h.nodes {
		if n.isHealthy() && h.isMostlySettled(n, all.nodes, now) && all.isOutlier(n, h.starves) {
			changed = h.markUnhealthy(n, onProbation, now) || changed
		}
	}
	return changed
}

// isMostlySettled says that at least half of the nodes have been healthy for an Interval,
// not counting n. Others that have just been readmitted do not serve their full load.
func (h *health) isMostlySettled(n *node, nodes int, now time.Duration) bool {
	settled := 0
	for _, other := range h.nodes {
		since := other.health.ignoreBefore.Load()
		isSettled := since == 0 || int64(now)-since >= int64(h.policy.Probation.Interval)
		if other != n && other.isHealthy() && isSettled {
			settled++
		}
	}
	return 2*settled >= nodes
}

// markUnhealthy ends the use of a healthy node, unless too many are out or the others fail,
// too. A node that is gone is out in any case, and does not count among those that are out.
func (h *health) markUnhealthy(n *node, to state, now time.Duration) bool {
	e := h.policy.Ejection
	out, all := h.countOut()
	if !slices.Contains(h.nodes, n) {
		return false
	}
	if !n.health.gone && (!e.allows(out+1, all) || to == ejected && h.failures().shareFailing(n, 2) >= 0.5) {
		return false
	}
	if to == ejected {
		n.health.eject(now, e)
	} else {
		n.health.putOnProbation(now, h.policy.Probation.Interval)
	}
	return true
}

// readmit makes a node healthy.
func (h *health) readmit(n *node, now time.Duration) {
	n.streak.Store(0)
	n.recent.forget(&n.stats)
	n.health.readmit(now)
}

// enforcePolicy readmits nodes that the policy does not allow to be out. The node whose
// ejection ends first is first.
func (h *health) enforcePolicy(now time.Duration) {
	for _, n := range h.nodes {
		s := n.health.state.Load()
		if s == ejected && h.policy.Ejection.Disabled || s == onProbation && h.policy.Probation.Disabled {
			h.readmit(n, now)
		}
	}
	for out, all := h.countOut(); !h.policy.Ejection.allows(out, all); out-- {
		var first *node
		for _, n := range h.nodes {
			if n.isHealthy() || n.health.gone {
				continue
			}
			if first == nil || n.health.ignoreBefore.Load() < first.health.ignoreBefore.Load() {
				first = n
			}
		}
		h.readmit(first, now)
	}
}

// countOut returns how many nodes are out, of how many. It counts no nodes that are gone.
func (h *health) countOut() (out, all int) {
	for _, n := range h.nodes {
		switch {
		case n.isHealthy():
			all++
		case !n.health.gone:
			out++
			all++
		}
	}
	return out, all
}

// usable returns the nodes to choose from and those that are out. Below PanicPercent only
// nodes that are gone are out, unless all are.
func (h *health) usable() (in, out []*node) {
	_, all := h.countOut()
	in, out = split(h.nodes, (*node).isHealthy)
	if len(in) > 0 && 100*len(in) >= h.policy.Ejection.PanicPercent*all {
		return in, out
	}
	if in, out = split(h.nodes, func(n *node) bool { return n.isHealthy() || !n.health.gone }); len(in) == 0 {
		return h.nodes, nil
	}
	return in, out
}

// split returns the nodes for which is says so, and the others.
func split(nodes []*node, is func(*node) bool) (yes, no []*node) {
	for _, n := range nodes {
		if is(n) {
			yes = append(yes, n)
		} else {
			no = append(no, n)
		}
	}
	return yes, no
}

// hedgeAfter is how long a probe of a node may take before a second attempt should start.
func (h *health) hedgeAfter(n *node) time.Duration {
	const (
		unknown   = 100 * time.Millisecond
		manyCalls = 100 // in briefWindow, at which one more attempt leaves enough of the retry budget
	)
	after := h.latencies.slowAbove.Load()
	calls := 0.0
	for _, n := range h.nodes {
		calls += n.recent.briefCalls
	}
	if calls >= manyCalls && n.health.probes.successes == 0 {
		after = h.latencies.median.Load()
	}
	if after == 0 || after == math.MaxInt64 {
		return unknown
	}
	return time.Duration(after)
}
