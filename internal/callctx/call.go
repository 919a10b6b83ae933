package callctx

import (
	"context"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/internal/contextkey"
)

// Call is a call that is being made, as sinew's own parts share it. Like its Record it
// belongs to the goroutine that makes the call.
type Call struct {
	call.Record

	caller  context.Context // without the limits of policies; nil: the context of the call
	stamp   reading         // the latest one, so that the policies need not read the clock again
	refused reading         // when a breaker refused the attempt that now waits for it
	tried   [3]string
	fork    *Fork  // nil unless Fork was called
	trail   *trail // shared with a second attempt
}

// Of returns the call that is being made in ctx. It is nil if there is none, if ctx
// belongs to a call that is being served, and if its record was made by [call.With].
func Of(ctx context.Context) *Call {
	if c, _ := ctx.Value(contextkey.Call{}).(*Call); c != nil && !c.Inbound {
		return c
	}
	return nil
}

// RecordOf returns the record of the call that is being made in ctx, whoever made it. It
// is nil if there is none, and if ctx belongs to a call that is being served.
func RecordOf(ctx context.Context) *call.Record {
	if r := call.Of(ctx); r != nil && !r.Inbound {
		return r
	}
	return nil
}

// Ensure returns the call that is being made in ctx, and ctx. If there is none it starts
// one: with the record that the user has given, or else with the one of Outgoing.
func Ensure(ctx context.Context) (context.Context, *Call) {
	if c := Of(ctx); c != nil {
		return ctx, c
	}
	if r := RecordOf(ctx); r != nil {
		return With(ctx, *r)
	}
	return With(ctx, Outgoing(ctx, call.Operation{}))
}

// With starts a call with this record in one allocation.
func With(ctx context.Context, r call.Record) (context.Context, *Call) {
	return withCall(ctx, Call{Record: r})
}

func withCall(ctx context.Context, c Call) (context.Context, *Call) {
	with := &callContext{Context: ctx, call: c}
	with.call.attachTrail(&with.trail)
	return with, &with.call
}

// Outgoing derives the record of a call to op from the record of the call that ctx belongs
// to. It passes on the request id, the priority, the explanation, and whether the call is
// a repeat. It passes on the idempotency key and the hash key only from a record without
// an operation, which was made by hand for this very call.
func Outgoing(ctx context.Context, op call.Operation) call.Record {
	var r call.Record
	derive(ctx, &r, op)
	return r
}

func derive(ctx context.Context, r *call.Record, op call.Operation) {
	r.Operation = op
	parent := call.Of(ctx)
	if parent == nil {
		return
	}
	r.RequestID, r.Priority, r.Explanation = parent.RequestID, parent.Priority, parent.Explanation
	r.Repeated = parent.Repeated || parent.Attempt > 1
	if parent.Operation == (call.Operation{}) {
		r.IdempotencyKey, r.HashKey = parent.IdempotencyKey, parent.HashKey
	}
}

// Try records that an attempt is sent to the instance with this id.
func (c *Call) Try(id string) {
	if c.Tried == nil {
		c.Tried = c.tried[:0]
	}
	c.Tried = append(c.Tried, id)
	if c.fork != nil {
		c.fork.addTried(id)
	}
}

// Caller returns the caller's own context, without the limits that policies have added. It
// is nil if that is the context of the call itself.
func (c *Call) Caller() context.Context { return c.caller }

// SetCaller replaces what Caller returns.
func (c *Call) SetCaller(ctx context.Context) { c.caller = ctx }

// CallerOf returns the caller's original context of the call that is being made in ctx,
// without the deadlines that policies have added; it returns ctx itself if there is no
// other. It is the context for [fault.Judge].
func CallerOf(ctx context.Context) context.Context {
	if c := Of(ctx); c != nil && c.caller != nil {
		return c.caller
	}
	return ctx
}

// callContext holds the context and the call in one allocation.
type callContext struct {
	context.Context
	call  Call
	trail trail
}

// Value implements [context.Context].
func (c *callContext) Value(key any) any {
	switch key.(type) {
	case contextkey.Record:
		return &c.call.Record
	case contextkey.Call:
		return &c.call
	}
	return c.Context.Value(key)
}
