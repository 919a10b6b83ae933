package endpoint

import (
	"context"
	"time"

	"github.com/sinew-go/sinew/internal/deadline"
)

// Begun is a context with a deadline and the [Call] of what is done in it, in one
// allocation; a struct that holds a Begun needs no other one either. It is safe for
// concurrent use, except for its Record: see [Call].
type Begun struct {
	deadline.Context
	// Record is what [CallOf] finds.
	Record Call

	record record
}

// Init makes a zero Begun the context of a call to op that starts now and ends at
// until, or when ctx ends if that is earlier. Its record is derived from ctx as
// [Outgoing] does, and ctx is its [CallerOf]. Call Stop when the call is over.
func (b *Begun) Begin(ctx context.Context, op Operation, now, until time.Time) {
	b.Context.Init(ctx, until)
	c := &b.Record
	c.derive(ctx, op)
	c.Start, c.Now, c.Caller = now, now, ctx
	c.Deadline, _ = b.Context.Deadline()
	c.keep(&b.record)
}

// Value implements context.Context.
func (b *Begun) Value(key any) any {
	if _, ok := key.(callKey); ok {
		return &b.Record
	}
	return b.Context.Value(key)
}
