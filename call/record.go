package call

import (
	"cmp"
	"context"
	"time"

	"github.com/sinew-go/sinew/internal/contextkey"
)

// Operation identifies an operation, and says whether it may be repeated. It is the same
// for all calls of an endpoint.
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
	// Start is when the call started, and Deadline when it must be over. Each is zero if it
	// is not known.
	Start, Deadline time.Time
	// Attempt is the number of the current attempt, from 1. It is 0 before the first one.
	Attempt int
	// Tried are the ids of the instances to which attempts were sent, in order.
	Tried []string
	// HashKey makes a balancer that supports it send calls with the same key to the same
	// instance.
	HashKey string
	// Priority orders calls when an adaptive limit sheds some: those with a higher priority
	// are shed later. 0 is normal.
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

// Of returns the record of the call to which ctx belongs, or nil if there is none. Within
// a handler, that is the call being served, with Inbound set.
func Of(ctx context.Context) *Record {
	r, _ := ctx.Value(contextkey.Record{}).(*Record)
	return r
}

// With returns a context with the record r for the calls that are made in it. Their
// request id, priority and explanation are those of r, or of the record of ctx where r has
// none; so is the mark that another tier has repeated the call. IdempotencyKey and HashKey
// of r are used only if its Operation is zero. Nothing is taken over by the record of a
// call that is being served (Inbound).
func With(ctx context.Context, r Record) context.Context {
	if around := Of(ctx); around != nil && !r.Inbound {
		r.RequestID = cmp.Or(r.RequestID, around.RequestID)
		r.Priority = cmp.Or(r.Priority, around.Priority)
		r.Repeated = r.Repeated || around.Repeated || around.Attempt > 1
		if r.Explanation == nil {
			r.Explanation = around.Explanation
		}
	}
	return &recordContext{Context: ctx, record: r}
}

// Caller calls a service. It picks an instance, may repeat the call, and returns the error
// of the last attempt. It is safe for concurrent use.
type Caller interface {
	// Call makes a call of op. The transport that uses the Caller gives send, which makes
	// one whole attempt: it sends the request to the instance with the base URL addr, such
	// as "http://10.0.0.1:8080", and reads and decodes the answer.
	//
	// If op is safe, two sends may run at the same time, each with its own context and
	// record: the first success counts, and the result of the other is dropped. When Call
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
