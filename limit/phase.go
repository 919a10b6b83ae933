package limit

// Phase is what an [AdaptiveLimiter] does at the moment.
type Phase string

// The phases, and what leads from one to the next.
const (
	// Unlimited: no overload is detected. When one is, Trial follows, or Steering if the
	// callee itself refuses calls for lack of room.
	Unlimited Phase = "unlimited"
	// Trial: calls are limited, and it is not known yet whether that makes them faster. If
	// it does, Steering follows, otherwise Unlimited.
	Trial Phase = "trial"
	// Steering: the limit helps, and follows what is served in time. When the limit is not
	// needed any more, Unlimited follows; when it has fallen far, another Trial.
	Steering Phase = "steering"
)

// Reason is why an [AdaptiveLimiter] limits calls.
type Reason string

// The reasons.
const (
	// CallsLate: most calls take so long that they are late for their callers.
	CallsLate Reason = "calls_late"
	// CallsPileUp: more calls are in flight than can be answered in time.
	CallsPileUp Reason = "calls_pile_up"
	// CalleeRefuses: the callee itself refuses calls for lack of room.
	CalleeRefuses Reason = "callee_refuses"
)
