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
	InFlight int    `json:"in_flight"`
	// Latency is the moving average, peaks and failures included, in seconds;
	// 0 when not known.
	Latency float64 `json:"latency_seconds"`
	Ejected bool    `json:"ejected"`
}

// Snapshot is the pool's state.
func (b *Pool) Snapshot() Snapshot {
	s := Snapshot{Service: b.service, Policy: *b.policy.Load()}
	now := time.Since(b.began)
	for _, n := range b.set.Load().nodes {
		i := n.instance.Load()
		s.Instances = append(s.Instances, Instance{
			ID: i.ID, Endpoint: i.Endpoint, InFlight: int(n.inFlight.Load()),
			Latency: n.peak.get() / float64(time.Second), Ejected: n.out(now),
		})
	}
	return s
}
