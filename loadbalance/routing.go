package loadbalance

import (
	"slices"
	"time"

	"github.com/sinew-go/sinew/registry"
)

// routing is an immutable view of the policy and the nodes for picks.
type routing struct {
	policy      Policy
	nodes       []*node
	main        *group // the usable nodes; with Policy.Zone, those in it
	spill       *group // the usable nodes of other zones; nil if all are in main
	excluded    *group // the nodes that are out; nil if none
	totalShares float64
	owners      []*node // of the buckets of a consistent hash
	// slowStartUntil is when all nodes have their whole share; 0 if they do already.
	slowStartUntil time.Duration
	// uniform says that all nodes are in main and have their whole share.
	uniform bool
	// schedule is set if a round robin needs nothing but the position.
	schedule     []scheduledPick
	kind         kind
	inverseDecay float64 // 1 ÷ Policy.Decay, in ns
}

// scheduledPick is one pick of a round robin.
type scheduledPick struct {
	node     *node
	instance *registry.Instance
}

// kind is an Algorithm as a number, which is faster to compare.
type kind uint8

const (
	peakEWMA kind = iota
	leastRequest
	roundRobin
	random
	consistentHash
)

// publish makes the routing for the current state. The caller holds the lock.
func (b *Pool) publish(now time.Duration) {
	p := b.policy
	rt := &routing{policy: p, nodes: b.nodes, kind: kind(slices.Index(algorithms, p.Algorithm)), inverseDecay: 1 / float64(p.Decay)}
	var usable, out []*node
	for _, n := range b.nodes {
		if n.health.Load() == healthy {
			usable = append(usable, n)
		} else {
			out = append(out, n)
		}
	}
	if _, all := b.countOut(); 100*len(usable) < p.Ejection.PanicPercent*all || len(usable) == 0 {
		usable, out = b.splitByGone()
	}
	for _, n := range usable {
		n.excluded.Store(false)
	}
	for _, n := range out {
		n.excluded.Store(true)
	}
	rt.slowStartUntil = slowStartEnd(usable, now, p.SlowStart)
	scheduled := rt.kind == roundRobin
	if local, far := byZone(usable, p.Zone); len(local) > 0 && len(far) > 0 {
		rt.spill, usable = newGroup(far, scheduled), local
	}
	rt.main = newGroup(usable, scheduled)
	if len(out) > 0 {
		rt.excluded = newGroup(out, scheduled)
	}
	rt.uniform = rt.spill == nil && rt.excluded == nil && rt.slowStartUntil == 0 && len(usable) > 0
	if scheduled && rt.uniform {
		rt.schedule = rt.main.schedule()
	}
	for _, n := range usable {
		rt.totalShares += 1 / n.inverseWeight.get()
	}
	if rt.kind == consistentHash {
		rt.owners = b.rendezvous.owners
	}
	b.routing.Store(rt)
	b.scheduleProbes()
}

// splitByGone returns all nodes as present if all are gone.
func (b *Pool) splitByGone() (present, gone []*node) {
	for _, n := range b.nodes {
		if n.gone && n.health.Load() != healthy {
			gone = append(gone, n)
		} else {
			present = append(present, n)
		}
	}
	if len(present) == 0 {
		return b.nodes, nil
	}
	return present, gone
}

// slowStartEnd is when the last slow start ends. It is 0 if most nodes are new, since the
// few others would be overloaded meanwhile.
func slowStartEnd(nodes []*node, now time.Duration, s SlowStart) (until time.Duration) {
	if s.Disabled {
		return 0
	}
	warming := 0
	for _, n := range nodes {
		if n.slowStarting && n.addedAt+s.Window > now {
			warming++
			until = max(until, n.addedAt+s.Window)
		}
	}
	if 2*warming > len(nodes) {
		return 0
	}
	return until
}

func byZone(nodes []*node, zone string) (local, far []*node) {
	if zone == "" {
		return nil, nil
	}
	for _, n := range nodes {
		if n.instance.Load().Zone() == zone {
			local = append(local, n)
		} else {
			far = append(far, n)
		}
	}
	return local, far
}
