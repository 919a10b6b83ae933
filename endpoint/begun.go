package endpoint

import (
	"context"
	"time"

	"github.com/sinew-go/sinew/internal/deadline"
)

// Begun is the context of a call that has a time limit and a record: one
// allocation for the three of them, and for what it is made a part of. It is safe
// for concurrent use, but for its Record, which is as [Call] says.
type Begun struct {
	deadline.Context
	// Record is what [CallOf] finds.
	Record Call

	record record
}

// Begin makes a zero Begun what ctx is for a call to op that begins now and has
// until then, or until ctx ends where that is earlier. Its record is derived as by
// [Outgoing], and judged in ctx. Stop must be called when the call is over.
func (b *Begun) Begin(ctx context.Context, op Operation, now, until time.Time) {
	b.Context.Begin(ctx, until)
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
