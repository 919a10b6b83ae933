package limit

import "time"

// AdaptiveSnapshot is the state of an [AdaptiveLimiter] at one moment.
type AdaptiveSnapshot struct {
	Name string `json:"name"`
	// Policy has its defaults filled in.
	Policy Adaptive `json:"policy"`
	// Limit is how many calls may be in flight. It is zero in the phase Unlimited, in which
	// only the policy's Max bounds them.
	Limit int `json:"limit"`
	// Phase is what the limiter does. Reason is why it limits calls, and "" in the phase
	// Unlimited.
	Phase  Phase  `json:"phase"`
	Reason Reason `json:"reason,omitempty"`
	// InFlight is the number of calls in flight.
	InFlight int `json:"in_flight"`
	// Passed and Refused count the calls that were admitted and refused so far. A call whose
	// caller had gone before Acquire is in neither.
	Passed  int64 `json:"passed"`
	Refused int64 `json:"refused"`
	// Wasted is how many of Passed ended after their caller had gone.
	Wasted int64 `json:"wasted"`
	// Baseline is how long a success takes when no call waits, for the operation with the
	// most successes; it is zero if that is not known. Target is the target latency: how
	// long calls may take while others are refused. In JSON both are in nanoseconds.
	Baseline time.Duration `json:"baseline"`
	Target   time.Duration `json:"target"`
}

// Snapshot returns the limiter's state.
func (l *AdaptiveLimiter) Snapshot() AdaptiveSnapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := AdaptiveSnapshot{
		Name: l.name, Policy: l.policy, Phase: Unlimited, InFlight: l.slots.inUse(),
		Refused: l.tally.refused.Load(), Wasted: l.tally.wasted.Load(),
		Baseline: time.Duration(l.operations.baseline()), Target: time.Duration(l.setting.target),
	}
	s.Passed = l.tally.ended() + int64(s.InFlight)
	if l.setting.phase != Unlimited && !l.policy.Disabled {
		s.Limit, s.Phase, s.Reason = int(l.limit.Load()), l.setting.phase, l.setting.reason
	}
	return s
}
