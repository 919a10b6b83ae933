// Package follow is how the shop's services handle events.
package follow

import (
	"context"
	"errors"
	"log/slog"

	kitendpoint "github.com/go-kit/kit/endpoint"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

// DeadLetters is the topic of the events that no handler could make sense of.
const DeadLetters = "shop.dead_letters"

// ErrEarly is the cause of a handler's error when its event came before what it
// needs. The bus brings it again, as often as it takes.
var ErrEarly = fault.FailedPrecondition.Errorf("the event came too early")

// Safely repeats a handler that fails. An event that fails all the same is
// logged and put aside on [DeadLetters], so that it does not block the others.
func Safely(bus eventbus.Publisher) endpoint.Middleware {
	aside, repeat := eventbus.DeadLetter(bus, DeadLetters), eventbus.Retry{}.Middleware()
	return func(handler kitendpoint.Endpoint) kitendpoint.Endpoint {
		repeated := repeat(handler)
		return func(ctx context.Context, value any) (any, error) {
			response, err := repeated(ctx, value)
			e, handling := eventbus.EventOf(ctx)
			if err == nil || !handling || ctx.Err() != nil || errors.Is(err, ErrEarly) {
				return response, err
			}
			slog.ErrorContext(ctx, "an event is put aside", "topic", e.Type, "key", e.Key, "event", e.ID, "error", err)
			return aside(func(context.Context, any) (any, error) { return response, err })(ctx, value)
		}
	}
}
