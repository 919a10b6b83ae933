package loadbalance

import "time"

// peakEWMA is the algorithm [PeakEWMA].
type peakEWMA struct {
	perDecay  float64 // 1 ÷ Policy.Decay, in ns
	latencies *latencies
}

func (p *peakEWMA) choose(c choice, g *group) *node {
	a, b := c.drawTwo(g)
	return p.cheaper(a, b, c.now)
}

// failureCost is what a failure costs at least, in calls to the slowest working instance.
// It is above one, so that a fast refusal attracts no calls.
const failureCost = 2

// cheaper returns the node where a call is expected to cost less. If only one of them
// failed its last call, it costs at least failureCost calls to the other one, fading
// while it gets no call. A charge by what the others took when it failed would not do:
// the other node may have become slower since.
func (p *peakEWMA) cheaper(a, b *node, now time.Duration) *node {
	if a == b {
		return a
	}
	failsA, failsB := a.streak.Load() != 0, b.streak.Load() != 0
	if failsA && !failsB {
		a, b, failsA, failsB = b, a, failsB, failsA
	}
	waitA, loadA := p.cost(a, now)
	waitB, loadB := p.cost(b, now)
	if failsB && !failsA {
		waitB = max(waitB, failureCost*waitA*b.latency.fade(now, p.perDecay))
	}
	if waitB*(loadB+1) < waitA*(loadA+1) {
		return b
	}
	return a
}

// cost is the expected latency of a single call, in ns, and the calls in flight relative
// to the node's share.
func (p *peakEWMA) cost(n *node, now time.Duration) (wait, load float64) {
	_, wait = n.latency.meanAndPeak()
	if wait == 0 {
		wait = p.latencies.mean.Load()
	}
	at := n.latency.updatedAt.Load()
	wait *= expDecay(float64(int64(now)-at) * p.perDecay)
	load = n.phantom.load(now)
	if inFlight := n.inFlight(); inFlight > 0 { // a node whose calls hang costs more and more
		if silence := float64(int64(now) - max(at, n.busySince.Load())); silence > wait {
			wait = silence
		}
		load += float64(inFlight)
	}
	if wait < 1 {
		wait = 1
	}
	return wait, load * n.inverseWeight.Load()
}
