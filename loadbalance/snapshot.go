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
		s.Instances = append(s.Instances, Instance{
			ID: i.ID, Endpoint: i.Endpoint, InFlight: n.inFlight(), Latency: peak / float64(time.Second),
			Ejected: out, Probation: !out && n.standing.Load() != in && !(v.policy.Probation.Disabled),
		})
	}
	return s
}
