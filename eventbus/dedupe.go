package eventbus

import (
	"context"

	kitendpoint "github.com/go-kit/kit/endpoint"

	"github.com/sinew-go/sinew/endpoint"
)

// Dedupe runs a handler once per event and group, however often the event is
// delivered: it remembers in store, for a day, the events whose handler
// succeeded. While one member handles an event, a second delivery of it fails
// and comes again. In front of anything but a handler it does nothing.
func Dedupe(store endpoint.IdempotencyStore, group string) endpoint.Middleware {
	return func(next kitendpoint.Endpoint) kitendpoint.Endpoint {
		return func(ctx context.Context, request any) (response any, err error) {
			e, handling := EventOf(ctx)
			if !handling {
				return next(ctx, request)
			}
			response = endpoint.None{}
			_, _, err = endpoint.Once(ctx, store, "event\x00"+group, e.Source+"\x00"+e.ID, []byte{1}, func() ([]byte, bool, error) {
				var err error
				response, err = next(ctx, request)
				return nil, true, err
			})
			return response, err
		}
	}
}
