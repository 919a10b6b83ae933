// Package follow configures how the services of the shop handle events.
package follow

import (
	"context"
	"errors"
	"log/slog"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

// DeadLetters is the topic of the events that no handler can process.
const DeadLetters = "shop.dead_letters"

// ErrEarly is the cause of a handler's error if its event arrived before what it needs.
// The event is redelivered until it succeeds.
var ErrEarly = fault.FailedPrecondition.Errorf("the event came too early")

// Safely puts an event aside on [DeadLetters] if its handler refuses it as wrong, so that
// it does not block other events. Any other failure (a full disk, a service that is down,
// a bug that a new version fixes) is temporary: the handler is repeated, and then the
// event is redelivered, with a log message each time.
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
			case !isHopeless(err):
				slog.WarnContext(ctx, "an event will be redelivered", "topic", e.Type, "key", e.Key, "event", e.ID, "error", err)
				return response, err
			}
			slog.ErrorContext(ctx, "an event is put aside", "topic", e.Type, "key", e.Key, "event", e.ID, "error", err)
			return aside(func(context.Context, any) (any, error) { return response, err })(ctx, value)
		}
	}
}

// isHopeless reports whether a handler has understood the event and refused it. Repeating
// that changes nothing.
func isHopeless(err error) bool {
	switch fault.CodeOf(err) {
	case fault.InvalidArgument, fault.NotFound, fault.AlreadyExists, fault.FailedPrecondition, fault.OutOfRange:
		return !fault.IsUnprocessed(err) // a callee may only know the path after its next deployment
	}
	return false
}
