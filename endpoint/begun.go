package endpoint

import (
	"context"
	"time"

	"github.com/sinew-go/sinew/internal/deadline"
)

// Begun is the context of a call that has a time limit and a record: one
// allocation for the three of them. It is safe for concurrent use, but for its
// Record, which is as [Call] says.
type Begun struct {
	deadline.Context
	// Record is what [CallOf] finds.
	Record Call

	record record
}

// Begin is ctx with the limit until, or ctx's own where that is earlier, and with
// a record, whose Deadline is that limit. Stop must be called when the call is
// over.
func Begin(ctx context.Context, until time.Time, c Call) *Begun {
	b := &Begun{Record: c}
	b.Context.Begin(ctx, until)
	b.Record.Deadline, _ = b.Context.Deadline()
	b.Record.keep(&b.record)
	return b
}

// Value implements context.Context.
func (b *Begun) Value(key any) any {
	if _, ok := key.(callKey); ok {
		return &b.Record
	}
	return b.Context.Value(key)
}
