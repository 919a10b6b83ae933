package deadline

import (
	"context"
	"time"
)

// Foreign is ctx, whose deadline was set by a caller that is not trusted: that it
// runs out blames nobody. Without a deadline it is ctx itself.
func Foreign(ctx context.Context, now time.Time) context.Context {
	at, ok := ctx.Deadline()
	if !ok {
		return ctx
	}
	return &foreign{Context: ctx, begun: now, at: at}
}

// IsForeign says that the deadline of ctx is a [Foreign] one. An earlier one that
// was set since then, or that of a context which goes on without it, is not.
func IsForeign(ctx context.Context) bool {
	_, is := foreignOf(ctx)
	return is
}

// ForeignExpiring says that the [Foreign] deadline of ctx has passed, or is so near that
// an answer which tells of it comes from a callee: each one is given a little less
// than its caller has, see [ForCallee], and there may be a few of them.
func ForeignExpiring(ctx context.Context) bool {
	f, is := foreignOf(ctx)
	if !is {
		return false
	}
	const hops, travelsIn = 4, time.Millisecond // the time left travels in whole ones
	kept := f.at.Sub(f.begun)
	kept -= ForCallee(kept)
	return time.Until(f.at) <= hops*(kept+travelsIn)
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
	begun, at time.Time
}

type foreignKey struct{}

// Value implements context.Context.
func (f *foreign) Value(key any) any {
	if _, ok := key.(foreignKey); ok {
		return f
	}
	return f.Context.Value(key)
}
