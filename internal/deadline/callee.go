package deadline

import "time"

// longestMargin bounds what a caller keeps for itself.
const longestMargin = 100 * time.Millisecond

// ForCallee is what a callee is given of the time that its caller has left: a
// twentieth less, up to 100 ms. So an answer that something further down took too
// long comes in time, and says what, where the caller's own limit would say that
// the callee is slow.
func ForCallee(left time.Duration) time.Duration { return left - min(left/20, longestMargin) }
