// Package follow is how the shop's services handle events.
package follow

import (
	"context"
	"errors"
	"log/slog"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

// DeadLetters is the topic of the events that no handler could make sense of.
const DeadLetters = "shop.dead_letters"

// ErrEarly is the cause of a handler's error when its event came before what it
// needs. The bus brings it again, as often as it takes.
var ErrEarly = fault.FailedPrecondition.Errorf("the event came too early")

// Safely puts an event aside on [DeadLetters] that can never be handled, so that it
// does not block the others: one that a handler refuses as wrong. Any other failure
// (a full disk, a service that is down, a bug that a new version mends) passes, and
// until it has, the bus brings the event again: it is repeated, and logged each
// time that the bus has to.
func Safely(bus eventbus.Publisher) endpoint.Middleware {
	aside, repeat := eventbus.DeadLetter(bus, DeadLetters), eventbus.RetryPolicy{}.Middleware()
	return func(handler endpoint.Func) endpoint.Func {
		repeated := repeat(handler)
		return func(ctx context.Context, value any) (any, error) {
			response, err := repeated(ctx, value)
			e, handling := eventbus.EventOf(ctx)
			switch {
			case err == nil || !handling || ctx.Err() != nil || errors.Is(err, ErrEarly):
				return response, err
			case !hopeless(err):
				slog.WarnContext(ctx, "an event comes again", "topic", e.Type, "key", e.Key, "event", e.ID, "error", err)
				return response, err
			}
			slog.ErrorContext(ctx, "an event is put aside", "topic", e.Type, "key", e.Key, "event", e.ID, "error", err)
			return aside(func(context.Context, any) (any, error) { return response, err })(ctx, value)
		}
	}
}

// hopeless says that a handler has looked at the event and refused it: no time mends
// that.
func hopeless(err error) bool {
	switch fault.CodeOf(err) {
	case fault.InvalidArgument, fault.NotFound, fault.AlreadyExists, fault.FailedPrecondition, fault.OutOfRange:
		return !fault.IsUnprocessed(err) // a callee that does not know the path yet will, once it is deployed
	}
	return false
}
