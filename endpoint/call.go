package endpoint

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Operation is what a chain needs to know of the operation that it calls. It is given when
// the chain is built.
type Operation struct {
	// Service is the name of the service called.
	Service string
	// Name is the name of the operation, such as "POST /inventory/{product_id}/reserve".
	Name string
	// Safe says that the operation may be repeated without harm: it is idempotent by
	// nature or carries an idempotency key.
	Safe bool
}

// Call is the record of one call, shared by the layers that take part in it. It belongs to
// the goroutine that makes the call and is not safe for concurrent use.
type Call struct {
	Operation
	// From is the name of the calling service, "" if not known.
	From string
	// Subject is who sent a call that is being served, as the serving side has verified:
	// the name in its certificate, or the subject of its token. "" if that is not known.
	// Idempotency keys of different subjects are separate.
	Subject string
	// Start is when the call started, Deadline when it must be over; zero if not known.
	Start, Deadline time.Time
	// Now is the latest reading of the clock for this call, so that the policies which
	// take part in it need not read it again; see [Elapsed]. If it is zero, each reads the
	// clock.
	Now time.Time
	// Caller is the caller's own context, without the limits that policies have added; see
	// [CallerOf]. Nil if it is the context of the call itself.
	Caller context.Context
	// Attempt counts from 1; it is 0 before the first attempt.
	Attempt int
	// Tried are the ids of the instances that attempts were sent to, in order.
	Tried []string
	// HashKey makes a balancer that supports it send calls with the same key to the same
	// instance.
	HashKey string
	// Priority orders calls for load shedding: higher ones are shed later, 0 is normal.
	Priority int
	// RequestID is the same on all hops of one user request.
	RequestID string
	// IdempotencyKey is the same for all repeats of one operation.
	IdempotencyKey string
	// Addr is the base URL of the instance that was picked for this attempt.
	Addr string
	// Repeated says that another tier has already repeated this call, so that this tier
	// must not.
	Repeated bool
	// Inbound says that this is a call being served. The calls that its handler makes have
	// records of their own.
	Inbound bool
	// Why collects the explanation of the calls made in this context, and of those that
	// they make in turn; nil explains nothing.
	Why *Explanation

	tried [3]string
	fork  *fork        // nil unless Fork was called
	trail *trailRecord // shared with the record of a second attempt
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

// Fork lets another goroutine make a second attempt of the call while this one goes on.
// The function that it returns is safe for concurrent use. It returns a record for the
// second attempt, with the instances that have been tried until then; Now is zero in it.
func (c *Call) Fork() func() Call {
	t := &fork{call: *c}
	t.call.Tried, t.call.Now, t.call.fork = slices.Clone(c.Tried), time.Time{}, nil
	c.fork = t
	return t.current
}

// WithCall puts a record into the context, with one allocation for both. The record that
// it returns is the one that [CallOf] finds.
func WithCall(ctx context.Context, c Call) (context.Context, *Call) {
	with := &callContext{Context: ctx, call: c}
	with.call.attachTrail(&with.trail)
	return with, &with.call
}

// Outgoing derives the record of a call to op from the record of the call that ctx belongs
// to. It passes on the request id, the priority and whether the call is a repeat. It
// passes on the idempotency key and the hash key only from a record without an operation,
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

// CallOf returns the record of the call that ctx belongs to, or nil.
func CallOf(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}

// OutgoingOf returns the record of the call that is being made in ctx. It is nil if there
// is none, and if ctx belongs to a call that is being served.
func OutgoingOf(ctx context.Context) *Call {
	if c := CallOf(ctx); c != nil && !c.Inbound {
		return c
	}
	return nil
}

// Elapsed returns the time since start. It uses [Call.Now] of the call that is being made
// in ctx if that is set, to save a reading of the clock.
func Elapsed(ctx context.Context, start time.Time) time.Duration {
	if c := OutgoingOf(ctx); c != nil && !c.Now.IsZero() {
		return c.Now.Sub(start)
	}
	return time.Since(start)
}

// CallerOf returns the caller's original context of the call that is being made in ctx,
// without the deadlines that policies have added; it returns ctx itself if there is no
// other. Pass it to [fault.Judge].
func CallerOf(ctx context.Context) context.Context {
	if c := OutgoingOf(ctx); c != nil && c.Caller != nil {
		return c.Caller
	}
	return ctx
}

// Caller calls a service. A transport gives it send, which makes one whole attempt at an
// address, and reads and decodes the answer. The Caller picks the address, may repeat, and
// returns the error of the last attempt.
//
// Sends may overlap if the operation is safe, each with its own context and record: the
// first success counts, and the results of the others are dropped.
type Caller interface {
	// Call makes the call. addr is a base URL such as "http://10.0.0.1:8080". When Call
	// returns, every send has ended, and none starts after that.
	Call(ctx context.Context, op Operation, send func(ctx context.Context, addr string) error) error
}

type callKey struct{}

type callContext struct {
	context.Context
	call  Call
	trail trailRecord
}

// fork is the source of the record of a second attempt.
type fork struct {
	mu   sync.Mutex
	call Call
}

func (t *fork) addTried(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.call.Tried = append(t.call.Tried, id)
}

func (t *fork) current() Call {
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
