package limit

// setting is what the controller decides.
type setting struct {
	phase       Phase
	reason      Reason
	limit       float64 // of calls in flight, unless the phase is Unlimited
	target      float64 // target latency, ns
	longRunning int64   // calls in flight for longer need no room, ns
	sampleMask  uint32  // a call is timed if its generation has none of these bits
	baselines   baselineChange
}

// baselineChange is what a decision means for the baselines, besides what the latencies
// do by themselves.
type baselineChange struct {
	kind     baselineChangeKind
	slowdown float64 // of adoptLatency: how many times their baselines calls took
}

type baselineChangeKind int

const (
	noChange        baselineChangeKind = iota
	adoptLatency                       // calls are slow by nature: the current latency is the baseline
	approachLatency                    // that is likely: the baseline approaches the current latency
)
