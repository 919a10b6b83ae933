package deadline

import "time"

// longestMargin bounds the part of its time that a caller does not pass on.
const longestMargin = 100 * time.Millisecond

// ForCallee returns the time that a callee gets when its caller has left: 5 % less, and
// at most 100 ms less. If something further down takes too long, the answer that names it
// then arrives in time. Otherwise the caller's own limit would end first and blame the
// callee.
func ForCallee(left time.Duration) time.Duration { return left - min(left/20, longestMargin) }
