package loadbalance

import (
	"slices"
	"time"

	"github.com/sinew-go/sinew/registry"
)

// view is what picks go by: the policy and who is used, between two changes of
// either. It does not change.
type view struct {
	policy Policy
	nodes  []*node
	main   *group // those that are used; with a zone of one's own, those in it
	spill  *group // the used ones of other zones, nil where all are in main
	out    *group // those that are not used, nil if none
	shares float64
	owner  []*node // of the buckets of a consistent hash
	// warmUntil is until when a node in main or spill has not its whole share.
	warmUntil time.Duration
	// quiet says that all in main are used alike, and nobody else is there.
	quiet bool
	// seats are the turns of a whole round, where a turn is all that a pick needs
	// to know.
	seats    []seat
	kind     kind
	perDecay float64 // 1 ÷ the policy's decay, in ns
}

// seat is a turn of round robin.
type seat struct {
	node     *node
	instance *registry.Instance
}

// kind is an algorithm, quicker to tell.
type kind uint8

const (
	peakEWMA kind = iota
	leastRequest
	roundRobin
	random
	consistentHash
)

// publish makes the view of how things stand. It is called with the lock held.
func (b *Pool) publish(now time.Duration) {
	p := b.policy
	v := &view{policy: p, nodes: b.nodes, kind: kind(slices.Index(algorithms, p.Algorithm)), perDecay: 1 / float64(p.Decay)}
	var used, out []*node
	for _, n := range b.nodes {
		if n.standing.Load() == in {
			used = append(used, n)
		} else {
			out = append(out, n)
		}
	}
	if _, all := b.outs(); 100*len(used) < p.Ejection.PanicPercent*all || len(used) == 0 {
		used, out = b.there()
	}
	for _, n := range used {
		n.shut.Store(false)
	}
	for _, n := range out {
		n.shut.Store(true)
	}
	v.warmUntil = warmth(used, now, p.SlowStart)
	turns := v.kind == roundRobin
	if local, far := byZone(used, p.Zone); len(local) > 0 && len(far) > 0 {
		v.spill, used = newGroup(far, turns), local
	}
	v.main = newGroup(used, turns)
	if len(out) > 0 {
		v.out = newGroup(out, turns)
	}
	v.quiet = v.spill == nil && v.out == nil && v.warmUntil == 0 && len(used) > 0
	if turns && v.quiet {
		v.seats = v.main.seats()
	}
	for _, n := range used {
		v.shares += 1 / n.perShare.get()
	}
	if v.kind == consistentHash {
		v.owner = b.table.owner
	}
	b.view.Store(v)
	b.scheduleProbes()
}

// there are the nodes that are not gone, and those that are; all, where none is left.
func (b *Pool) there() (used, gone []*node) {
	for _, n := range b.nodes {
		if n.gone && n.standing.Load() != in {
			gone = append(gone, n)
		} else {
			used = append(used, n)
		}
	}
	if len(used) == 0 {
		return b.nodes, nil
	}
	return used, gone
}

// warmth is until when one of the nodes is spared, 0 when none is: while only
// few others are there, sparing the new ones would overload those.
func warmth(nodes []*node, now time.Duration, s SlowStart) (until time.Duration) {
	if s.Disabled {
		return 0
	}
	warming := 0
	for _, n := range nodes {
		if n.came && n.addedAt+s.Window > now {
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
