package loadbalance

import "time"

// Snapshot is the state of a [Pool] at one moment.
type Snapshot struct {
	Service   string     `json:"service"`
	Policy    Policy     `json:"policy"`
	Instances []Instance `json:"instances"`
}

// Instance is what a pool knows of one instance.
type Instance struct {
	ID       string `json:"id"`
	Endpoint string `json:"endpoint"`
	// InFlight counts the calls that are timed: under round robin at more than
	// a thousand calls a second, one in sixty-four is.
	InFlight int `json:"in_flight"`
	// Latency is the moving average, peaks and failures included, in seconds;
	// 0 when not known.
	Latency float64 `json:"latency_seconds"`
	// Cost is what PeakEWMA compares, in seconds: what a call is expected to take
	// now, times the calls in flight, and those that count as such after a failure
	// or a refusal, for the instance's weight, and one. Of two instances the one
	// with the lower Cost is chosen; one whose last call failed costs at least
	// twice what the other would take. 0 under other algorithms.
	Cost float64 `json:"cost"`
	// Ejected says that it gets no calls, Probation that it gets single ones to
	// show how it does.
	Ejected   bool `json:"ejected"`
	Probation bool `json:"probation"`
}

// Snapshot is the pool's state.
func (b *Pool) Snapshot() Snapshot {
	v := b.view.Load()
	s := Snapshot{Service: b.service, Policy: v.policy}
	now := time.Since(b.began)
	for _, n := range v.nodes {
		i := n.instance.Load()
		_, peak := n.record.latencies()
		out := n.isEjected(now)
		known := Instance{
			ID: i.ID, Endpoint: i.Endpoint, InFlight: n.inFlight(), Latency: peak / float64(time.Second),
			Ejected: out, Probation: !out && n.standing.Load() != in && !(v.policy.Probation.Disabled),
		}
		if v.kind == peakEWMA {
			wait, load := v.cost(n, now)
			known.Cost = wait * (load + 1) / float64(time.Second)
		}
		s.Instances = append(s.Instances, known)
	}
	return s
}
