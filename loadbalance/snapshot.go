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
	// InFlight counts timed calls only: under round robin at more than a thousand calls
	// a second, one in sixty-four.
	InFlight int `json:"in_flight"`
	// Latency is the moving average, with peaks and failures, in seconds; 0 if not
	// known.
	Latency float64 `json:"latency_seconds"`
	// Cost is what PeakEWMA compares, in seconds: the expected latency times one more
	// than the calls in flight, relative to the instance's weight. Calls in flight
	// include those that count as such after a failure or a refusal. Of two instances
	// the one with the lower Cost is chosen; one whose last call failed costs at least
	// twice as much as the other. 0 under other algorithms.
	Cost float64 `json:"cost"`
	// Ejected says that the instance gets no calls, Probation that it gets probes only.
	Ejected   bool `json:"ejected"`
	Probation bool `json:"probation"`
}

// snapshot returns what is known of a node. a is nil under other algorithms than PeakEWMA.
func (n *node) snapshot(now time.Duration, p Probation, a *peakEWMA) Instance {
	i := n.instance.Load()
	_, peak := n.latency.meanAndPeak()
	isEjected := n.health.isEjected(now)
	known := Instance{
		ID: i.ID, Endpoint: i.Endpoint, InFlight: n.inFlight(), Latency: peak / float64(time.Second),
		Ejected: isEjected, Probation: !isEjected && !n.isHealthy() && !p.Disabled,
	}
	if a != nil {
		wait, load := a.cost(n, now)
		known.Cost = wait * (load + 1) / float64(time.Second)
	}
	return known
}
