package eventbus

import (
	"context"

	kitendpoint "github.com/go-kit/kit/endpoint"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

// The extensions of an event that [DeadLetter] put aside.
const (
	// DeadTopic is the topic that it came from.
	DeadTopic = "deadlettertopic"
	// DeadReason is the error of its handler.
	DeadReason = "deadletterreason"
)

// maxReason bounds DeadReason, in bytes.
const maxReason = 1024

// DeadLetter publishes an event whose handler failed to another topic, with the
// reason in its extensions, and counts it as handled. Put [Retry] inside of it.
// When the event cannot be put aside, or the failure is that the bus is being
// closed, the event comes again instead. In front of anything but a handler it
// does nothing.
func DeadLetter(p Publisher, topic string) endpoint.Middleware {
	return func(next kitendpoint.Endpoint) kitendpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			response, err := next(ctx, request)
			e, handling := EventOf(ctx)
			if err == nil || !handling || ctx.Err() != nil {
				return response, err
			}
			reason := err.Error()
			if len(reason) > maxReason {
				reason = reason[:maxReason]
			}
			dead := e.WithExtension(DeadTopic, e.Type).WithExtension(DeadReason, reason)
			if failed := p.Publish(ctx, topic, dead); failed != nil {
				return response, fault.Unavailable.Errorf("event %s could not be put aside on %s: %w; its handler failed: %w", e.ID, topic, failed, err)
			}
			return response, nil
		}
	}
}
