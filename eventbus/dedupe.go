package eventbus

import (
	"context"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/idempotency"
	"github.com/sinew-go/sinew/internal/absent"
)

// Dedupe runs a handler once per event and group, however often the event is delivered.
// For a day it remembers in store the events whose handler succeeded, except those that
// [DeadLetter] put aside. Events are the same if ID and Source are. While one member
// handles an event, a second delivery of it fails and is redelivered later. Around
// anything but a handler Dedupe does nothing. It panics if store is nil.
func Dedupe(store idempotency.Store, group string) endpoint.Middleware {
	if absent.Is(store) {
		panic("eventbus.Dedupe: the store is nil; give idempotency.NewMemory() or an idempotency.SQL")
	}
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (response any, err error) {
			h := handlingOf(ctx)
			if h == nil {
				return next(ctx, request)
			}
			e := &h.event
			response = endpoint.None{}
			_, _, err = idempotency.Once(ctx, store, "event\x00"+group, e.Source+"\x00"+originalID(*e), []byte{1}, func() ([]byte, bool, error) {
				var err error
				response, err = next(ctx, request)
				return nil, !h.putAside.Load(), err
			})
			return response, err
		}
	}
}
