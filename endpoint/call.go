package endpoint

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Operation is what a chain needs to know of what it calls, given when the
// chain is built.
type Operation struct {
	// Service is the name of the service called.
	Service string
	// Name is the operation's: "POST /inventory/{product_id}/reserve".
	Name string
	// Safe says that the operation may be repeated without harm: it is
	// idempotent by nature or carries an idempotency key.
	Safe bool
}

// Call is the record of one call, shared by the layers that take part in it.
// It belongs to the goroutine that makes the call and is not safe for
// concurrent use.
type Call struct {
	Operation
	// From is the service that calls, "" if not known.
	From string
	// Subject is who sent a call that is being served, as whoever serves it has
	// verified: the name of its certificate, or the subject of its token. "" where
	// nobody has. Idempotency keys of different subjects do not meet.
	Subject string
	// Start is when the call began, Deadline when it must be over; zero when
	// not known.
	Start, Deadline time.Time
	// Now is the clock as it was last read for this call, so that the policies
	// which take part in it need not read it again; see [Elapsed]. Zero where
	// each reads it for itself.
	Now time.Time
	// Caller is the context that the caller handed in, without the limits that
	// policies have added; see [CallerOf]. Nil where there is no other.
	Caller context.Context
	// Attempt counts from 1; 0 before the first.
	Attempt int
	// Tried are the ids of the instances that attempts went to, in order.
	Tried []string
	// HashKey binds calls of the same key to the same instance where a
	// balancer can.
	HashKey string
	// Priority orders calls for shedding: higher is shed later, 0 is normal.
	Priority int
	// RequestID is the same over all hops of one user request.
	RequestID string
	// IdempotencyKey is the same over all repeats of one operation.
	IdempotencyKey string
	// Addr is the base URL of the instance picked for this attempt.
	Addr string
	// Repeated says that another tier has repeated this call already, so that
	// this one must not.
	Repeated bool
	// Inbound says that a handler is answering this call: what it calls in turn
	// has records of its own.
	Inbound bool
	// Why explains the calls made in this context; nil explains nothing. It passes
	// on to the calls that they make in turn.
	Why *Explanation

	tried  [3]string
	twin   *twin   // nil unless there may be one
	record *record // what the call went through; a twin has the same
}

// Try notes that an attempt goes to the instance with this id.
func (c *Call) Try(id string) {
	if c.Tried == nil {
		c.Tried = c.tried[:0]
	}
	c.Tried = append(c.Tried, id)
	if c.twin != nil {
		c.twin.tell(id)
	}
}

// Fork lets another goroutine make a second attempt of the call while this one
// goes on: the function that it returns is safe for concurrent use, and gives
// the record as it is now, with what has been tried until then. The twin reads
// the clock for itself.
func (c *Call) Fork() func() Call {
	t := &twin{call: *c}
	t.call.Tried, t.call.Now, t.call.twin = slices.Clone(c.Tried), time.Time{}, nil
	c.twin = t
	return t.get
}

// WithCall puts a record into the context: one allocation for both. The record
// that it returns is the one that [CallOf] finds.
func WithCall(ctx context.Context, c Call) (context.Context, *Call) {
	with := &callContext{Context: ctx, call: c}
	with.call.keep(&with.record)
	return with, &with.call
}

// Outgoing derives the record of a call to op from that of the call that ctx
// belongs to: request id, priority and whether it is a repeat pass on. The
// idempotency key and the hash key do so only from a record without an operation,
// which was made by hand for this very call.
func Outgoing(ctx context.Context, op Operation) Call {
	var c Call
	c.derive(ctx, op)
	return c
}

func (c *Call) derive(ctx context.Context, op Operation) {
	c.Operation = op
	parent := CallOf(ctx)
	if parent == nil {
		return
	}
	c.RequestID, c.Priority, c.Why = parent.RequestID, parent.Priority, parent.Why
	c.Repeated = parent.Repeated || parent.Attempt > 1
	if parent.Operation == (Operation{}) {
		c.IdempotencyKey, c.HashKey = parent.IdempotencyKey, parent.HashKey
	}
}

// CallOf is the record of the call that ctx belongs to, or nil.
func CallOf(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}

// OutgoingOf is the record of the call that is being made in ctx. It is nil when
// there is none, also when ctx belongs to a call that is being served.
func OutgoingOf(ctx context.Context) *Call {
	if c := CallOf(ctx); c != nil && !c.Inbound {
		return c
	}
	return nil
}

// Elapsed is the time since begun. It takes [Call.Now] of the call that is being made
// in ctx for the present where that is set, which saves a reading of the clock.
func Elapsed(ctx context.Context, begun time.Time) time.Duration {
	if c := OutgoingOf(ctx); c != nil && !c.Now.IsZero() {
		return c.Now.Sub(begun)
	}
	return time.Since(begun)
}

// CallerOf is the caller's own context of the call that is being made in ctx,
// without the deadlines that policies have added; ctx itself where there is no
// other. Pass it to [fault.Classify].
func CallerOf(ctx context.Context) context.Context {
	if c := OutgoingOf(ctx); c != nil && c.Caller != nil {
		return c.Caller
	}
	return ctx
}

// Caller reaches a service. A transport gives it send, which makes one whole
// attempt at an address, the answer read and decoded; the Caller picks the
// address, may repeat, and returns the last attempt's error.
//
// Sends may overlap where the operation is safe, each with a context and a
// record of its own: the first that succeeds counts, and what others bring is
// dropped.
type Caller interface {
	// Call makes the call. addr is a base URL such as "http://10.0.0.1:8080".
	// Every send has ended when Call returns, and none starts after that.
	Call(ctx context.Context, op Operation, send func(ctx context.Context, addr string) error) error
}

type callKey struct{}

type callContext struct {
	context.Context
	call   Call
	record record
}

// twin is what the record of a second attempt is made of.
type twin struct {
	mu   sync.Mutex
	call Call
}

func (t *twin) tell(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.call.Tried = append(t.call.Tried, id)
}

func (t *twin) get() Call {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.call
	c.Tried = slices.Clone(c.Tried)
	return c
}

func (c *callContext) Value(key any) any {
	if _, ok := key.(callKey); ok {
		return &c.call
	}
	return c.Context.Value(key)
}
