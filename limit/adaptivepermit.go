package limit

import "context"

// AdaptivePermit is permission to make one call, from [AdaptiveLimiter.Acquire]. The caller must
// call Done; further calls of Done do nothing.
type AdaptivePermit struct {
	limiter    *AdaptiveLimiter
	operation  *operation // nil if the call is not timed
	slot       uint32
	generation uint32
	hopeless   bool  // it cannot be answered in time under any load
	startedAt  int64 // ns since the limiter was created
	budget     int64 // ns until the caller's deadline; 0 if not known
}

// Done reports how the call ended and returns the permit. ctx is the caller's context. A
// second Done does nothing, on any copy of the permit; neither does Done of the zero
// AdaptivePermit.
func (t AdaptivePermit) Done(ctx context.Context, err error) {
	if t.limiter != nil {
		t.limiter.finish(ctx, t, err)
	}
}

// Pause says that the call waits for its own caller, such as for the body of a request.
// Until Resume the call needs no room, and the time does not count. Pause and Resume
// must not be called concurrently.
func (t AdaptivePermit) Pause() {
	if t.limiter != nil {
		t.limiter.slots.pause(t.slot, t.generation, t.limiter.now())
	}
}

// Resume ends a Pause. The call continues whether or not there is room.
func (t AdaptivePermit) Resume() {
	if t.limiter != nil {
		t.limiter.slots.resume(t.slot, t.generation, t.limiter.now())
	}
}
