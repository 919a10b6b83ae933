package endpoint

import (
	"context"
	"time"

	"github.com/sinew-go/sinew/internal/deadline"
)

// Begun combines a context, its deadline and the [Call] that is made in it in one
// allocation, or in none of its own as a field of another struct. It is safe for
// concurrent use, except for its Record: see [Call].
type Begun struct {
	deadline.Context
	// Record is the record that [CallOf] returns.
	Record Call

	trail trailRecord
}

// Begin makes a zero Begun the context of a call to op that starts now. It ends at until,
// or when ctx ends if that is earlier. The record is derived from ctx as by [Outgoing],
// and ctx becomes its [CallerOf]. Call Stop when the call is over.
func (b *Begun) Begin(ctx context.Context, op Operation, now, until time.Time) {
	b.Context.Init(ctx, until)
	c := &b.Record
	c.derive(ctx, op)
	c.Start, c.Now, c.Caller = now, now, ctx
	c.Deadline, _ = b.Context.Deadline()
	c.attachTrail(&b.trail)
}

// Value implements context.Context.
func (b *Begun) Value(key any) any {
	if _, ok := key.(callKey); ok {
		return &b.Record
	}
	return b.Context.Value(key)
}
