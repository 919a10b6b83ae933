package limit

import "sync/atomic"

// slot holds one call in flight. Its generation changes when the call ends, so that what
// comes late (exemptOlder, or Pause and Resume after Done) does not change the next call.
type slot struct {
	next       atomic.Uint32
	generation atomic.Uint32
	exemptFor  atomic.Uint32 // reasons why the call needs no room, as bits
	_          uint32
	startedAt  atomic.Int64 // ns + 1; 0 if not timed
	pausedAt   atomic.Int64 // ns
	pausedFor  atomic.Int64 // total, ns
	_          [24]byte
}

// Reasons why a call needs no room.
const (
	waitsForCaller = 1 << iota // between AdaptivePermit.Pause and AdaptivePermit.Resume
	longRunning                // it may never end
	hopeless                   // it cannot be answered in time under any load

	beyondMax = waitsForCaller | longRunning
)
