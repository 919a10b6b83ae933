package loadbalance

import (
	"context"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/panicked"
)

// Middleware picks an instance for each call and sets Call.Addr to its address. It adds a
// Call to a context without the record of an outgoing call.
func (b *Pool) Middleware() endpoint.Middleware {
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (response any, err error) {
			call := endpoint.OutgoingOf(ctx)
			switch {
			case call == nil:
				ctx, call = endpoint.WithCall(ctx, endpoint.Outgoing(ctx, endpoint.Operation{}))
			case call.Attempt == 0: // no retry follows, so nobody needs the tried instances
				defer func(tried []string) { call.Tried = tried }(call.Tried)
			}
			picked, err := b.Pick(ctx, Request{HashKey: call.HashKey, Tried: call.Tried, Safe: call.Safe || call.Operation == (endpoint.Operation{})})
			if err != nil {
				return nil, err
			}
			call.Try(picked.Instance.ID)
			call.Addr = picked.Instance.Endpoint
			err = panicked.Err
			defer func() { picked.Done(ctx, err) }()
			return next(ctx, request)
		}
	}
}
