package deadline

import (
	"context"
	"time"
)

// Foreign marks the deadline of ctx as set by a caller that is not trusted: when it
// expires, nobody is blamed. If ctx has no deadline, Foreign returns ctx itself.
func Foreign(ctx context.Context, now time.Time) context.Context {
	at, ok := ctx.Deadline()
	if !ok {
		return ctx
	}
	return &foreign{Context: ctx, start: now, at: at}
}

// IsForeign reports whether the deadline in force in ctx is a [Foreign] one. It is not if
// an earlier deadline was set since, or if the context was detached from it.
func IsForeign(ctx context.Context) bool {
	_, ok := foreignOf(ctx)
	return ok
}

// ForeignExpiring reports whether the [Foreign] deadline of ctx has passed, or is so near
// that an error which reports its end can come from a callee. Each callee gets a little
// less time than its caller, see [ForCallee], and up to four of them may stand in a row.
func ForeignExpiring(ctx context.Context) bool {
	f, ok := foreignOf(ctx)
	if !ok {
		return false
	}
	const hops, travelsIn = 4, time.Millisecond // the time left travels in whole milliseconds
	margin := f.at.Sub(f.start)
	margin -= ForCallee(margin)
	return time.Until(f.at) <= hops*(margin+travelsIn)
}

func foreignOf(ctx context.Context) (*foreign, bool) {
	f, _ := ctx.Value(foreignKey{}).(*foreign)
	if f == nil {
		return nil, false
	}
	at, ok := ctx.Deadline()
	return f, ok && at.Equal(f.at)
}

type foreign struct {
	context.Context
	start, at time.Time
}

type foreignKey struct{}

// Value implements context.Context.
func (f *foreign) Value(key any) any {
	if _, ok := key.(foreignKey); ok {
		return f
	}
	return f.Context.Value(key)
}
