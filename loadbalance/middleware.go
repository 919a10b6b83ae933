package loadbalance

import (
	"context"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/internal/panicked"
)

// Middleware picks an instance for each call and sets Addr of the record to its
// address. It adds a record to a context without that of an outgoing call.
func (b *Pool) Middleware() endpoint.Middleware {
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (response any, err error) {
			c := callctx.Of(ctx)
			switch {
			case c == nil:
				ctx, c = callctx.Ensure(ctx)
			case c.Attempt == 0: // no retry follows, so nobody needs the tried instances
				defer func(tried []string) { c.Tried = tried }(c.Tried)
			}
			picked, err := b.Pick(ctx, Request{HashKey: c.HashKey, Tried: c.Tried, Safe: c.Safe || c.Operation == (call.Operation{})})
			if err != nil {
				return nil, err
			}
			c.Try(picked.Instance.ID)
			c.Addr = picked.Instance.Endpoint
			err = panicked.Err
			defer func() { picked.Done(ctx, err) }()
			return next(ctx, request)
		}
	}
}
