package call

import (
	"context"
	"time"

	"github.com/sinew-go/sinew/internal/contextkey"
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

// Record is what the layers that take part in one call know of it. It belongs to the
// goroutine that makes the call and is not safe for concurrent use.
type Record struct {
	Operation
	// From is the name of the calling service, "" if not known.
	From string
	// Subject is who sent a call that is being served, as the serving side has verified:
	// the name in its certificate, or the subject of its token. "" if that is not known.
	// Idempotency keys of different subjects are separate.
	Subject string
	// Start is when the call started, Deadline when it must be over; zero if not known.
	Start, Deadline time.Time
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
	// Explanation collects the trails of the calls made in this context, and of those that
	// they make in turn; nil collects none.
	Explanation *Explanation
}

// Of returns the record of the call that ctx belongs to, or nil.
func Of(ctx context.Context) *Record {
	r, _ := ctx.Value(contextkey.Record{}).(*Record)
	return r
}

// With returns a context with a record, which decides about the next call that is made in
// it: its RequestID, Priority, IdempotencyKey and HashKey travel with that call. The
// idempotency key and the hash key do so only if r has no Operation.
func With(ctx context.Context, r Record) context.Context {
	return &recordContext{Context: ctx, record: r}
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

// recordContext holds the context and the record in one allocation.
type recordContext struct {
	context.Context
	record Record
}

// Value implements [context.Context]. It has no engine state: what sinew's clients know of
// a call around this one is not that of this record.
func (c *recordContext) Value(key any) any {
	switch key.(type) {
	case contextkey.Record:
		return &c.record
	case contextkey.Call:
		return nil
	}
	return c.Context.Value(key)
}
