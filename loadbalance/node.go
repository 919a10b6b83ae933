package loadbalance

import (
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/internal/atomicfloat"
	"github.com/sinew-go/sinew/registry"
)

// node is an instance and what is known of it. Times are ns since its pool was created.
// What every call reads and writes comes first.
type node struct {
	instance      atomic.Pointer[registry.Instance]
	inverseWeight atomicfloat.Float64 // mean weight of the pool ÷ its weight
	stats
	health nodeHealth

	pool         *Pool
	addedAt      time.Duration
	slowStarting bool   // its share grows from addedAt on
	hash         uint64 // of its id

	// Guarded by Pool.mu.
	weight          float64
	tableGeneration uint64        // see rendezvousTable
	recent          recentCalls   // since the last sweeps
	callsBase       atomic.Uint32 // see keyedCalls
}

func newNode(id string, now time.Duration, latency float64, slowStarting bool) *node {
	n := &node{addedAt: now, slowStarting: slowStarting, hash: hashOf(id)}
	n.latency.set(latency, latency)
	n.latency.updatedAt.Store(int64(now))
	return n
}

func (n *node) id() string { return n.instance.Load().ID }

func (n *node) isHealthy() bool { return n.health.state.Load() == healthy }

// load is the calls in flight, and the phantom load, relative to the node's share.
func (n *node) load(now time.Duration) float64 {
	return (float64(n.inFlight()) + n.phantom.load(now)) * n.inverseWeight.Load()
}

// update returns the nodes of these instances, the first of each id. It reuses the nodes of
// before whose address is the same. reweighted are those whose weight has changed.
func update(before []*node, instances []registry.Instance, now time.Duration) (
	nodes []*node, reweighted map[*node]bool,
) {
	known := make(map[string]*node, len(before))
	for _, n := range before {
		known[n.id()] = n
	}
	average := meanLatency(staying(before, instances))
	seen := make(map[string]bool, len(instances))
	reweighted = map[*node]bool{}
	total := 0.0
	for _, i := range instances {
		if seen[i.ID] {
			continue
		}
		seen[i.ID] = true
		n := known[i.ID]
		if n == nil || n.instance.Load().Endpoint != i.Endpoint {
			n = newNode(i.ID, now, average, len(before) > 0)
		}
		n.instance.Store(&i)
		if w := i.Weight(); w != n.weight {
			reweighted[n] = n.weight != 0
			n.weight = w
		}
		total += n.weight
		nodes = append(nodes, n)
	}
	for _, n := range nodes {
		n.inverseWeight.Store(total / float64(len(nodes)) / n.weight)
	}
	return nodes, reweighted
}

// staying are the nodes whose address the instances do not change, and all nodes if there
// are none.
func staying(nodes []*node, instances []registry.Instance) []*node {
	endpoints := make(map[string]string, len(instances))
	for _, i := range instances {
		endpoints[i.ID] = i.Endpoint
	}
	var same []*node
	for _, n := range nodes {
		if endpoint, ok := endpoints[n.id()]; ok && endpoint == n.instance.Load().Endpoint {
			same = append(same, n)
		}
	}
	if len(same) == 0 {
		return nodes
	}
	return same
}

// meanLatency is the mean over the nodes with a known latency, in ns; 0 if there are none.
func meanLatency(nodes []*node) float64 {
	sum, known := 0.0, 0
	for _, n := range nodes {
		if mean := n.latency.mean(); mean > 0 {
			sum += mean
			known++
		}
	}
	return sum / float64(max(known, 1))
}
