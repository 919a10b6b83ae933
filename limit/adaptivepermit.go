package limit

import "context"

// AdaptivePermit is permission to make one call, from [AdaptiveLimiter.Acquire]. Call Done
// exactly once, when the call ends, on this value or on a copy; a second Done, on either,
// is a mistake and may count the call twice.
type AdaptivePermit struct {
	limiter    *AdaptiveLimiter
	operation  *operation // nil if the call is not timed
	slot       uint32
	generation uint32
	hopeless   bool  // it cannot be answered in time under any load
	startedAt  int64 // ns since the limiter was created
	budget     int64 // ns until the caller's deadline; 0 if not known
}

// Done reports how the call ended and returns the permit; err is nil for a success. ctx is
// the caller's context. Done of the zero AdaptivePermit does nothing.
func (p AdaptivePermit) Done(ctx context.Context, err error) {
	if p.limiter != nil {
		p.limiter.finish(ctx, p, err)
	}
}

// Pause says that the call waits for its own caller, such as for the body of a request.
// Until Resume the call does not count towards the limit, nor the time as part of its
// duration. Pause and Resume must not be called concurrently. After Done they do nothing.
func (p AdaptivePermit) Pause() {
	if p.limiter != nil {
		p.limiter.slots.pause(p.slot, p.generation, p.limiter.now())
	}
}

// Resume ends a Pause. The call counts towards the limit again, and continues even if the
// limit is reached.
func (p AdaptivePermit) Resume() {
	if p.limiter != nil {
		p.limiter.slots.resume(p.slot, p.generation, p.limiter.now())
	}
}
