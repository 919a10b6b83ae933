package loadbalance

import (
	"context"

	kitendpoint "github.com/go-kit/kit/endpoint"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

// Middleware picks an instance for each call and tells the endpoint its address
// in Call.Addr. A context without a record gets one.
func (b *Pool) Middleware() endpoint.Middleware {
	return func(next kitendpoint.Endpoint) kitendpoint.Endpoint {
		return func(ctx context.Context, request any) (response any, err error) {
			call := endpoint.CallOf(ctx)
			if call == nil {
				ctx, call = endpoint.WithCall(ctx, endpoint.Call{})
			}
			picked, err := b.Pick(ctx, Request{HashKey: call.HashKey, Tried: call.Tried})
			if err != nil {
				return nil, err
			}
			call.Try(picked.Instance.ID)
			call.Addr = picked.Instance.Endpoint
			err = errPanicked
			defer func() { picked.Done(ctx, err) }()
			return next(ctx, request)
		}
	}
}

var errPanicked = fault.Internal.Errorf("the call panicked")
