package grpc

import (
	"context"

	"github.com/sinew-go/sinew/call"
)

// Forwarder is a [Method] whatever its types, so that a gateway can have its methods in
// one list.
type Forwarder interface {
	// Forward serves the method on mux by forwarding requests through c.
	Forward(mux Mux, c call.Caller)
}

// Forward serves the method on mux by forwarding each request through c: fields that the
// messages do not know are passed on, and so is an idempotency key, which is not used.
// Forward panics as [Method.Endpoint] does.
func (m Method[Req, Resp]) Forward(mux Mux, c call.Caller) {
	send := m.Endpoint(c)
	m.Keyed = false
	m.Handle(mux, func(ctx context.Context, request Req) (Resp, error) {
		if key := call.Of(ctx).IdempotencyKey; key != "" {
			ctx = call.With(ctx, call.Record{IdempotencyKey: key})
		}
		return send(ctx, request)
	})
}
