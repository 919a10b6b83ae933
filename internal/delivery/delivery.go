// Package delivery calls the handlers of events for buses on brokers.
package delivery

import (
	"context"
	"log/slog"
	"runtime/debug"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

// Logger is the logger of a bus.
type Logger struct {
	*slog.Logger
	// IsOwn says that the user of the bus gave it. Otherwise what is said of an event goes
	// to the logger of the service that handles it; see eventbus.LogTo.
	IsOwn bool
}

// of returns the logger for the event that is handled in ctx.
func (l Logger) of(ctx context.Context) *slog.Logger {
	if log := eventbus.LoggerOf(ctx); log != nil && !l.IsOwn {
		return log
	}
	return l.Logger
}

// Call calls h for an event. A panic is fault.Internal, and is logged with its
// stack. It returns the logger for messages about the event.
func (l Logger) Call(ctx context.Context, d eventbus.Delivery, e eventbus.Event, h eventbus.Handler) (log *slog.Logger, err error) {
	ctx = eventbus.ContextWithEvent(ctx, e, d)
	defer func() {
		log = l.of(ctx)
		if p := recover(); p != nil {
			log.Error("an event's handler panicked", "topic", d.Topic, "group", d.Group, "event", e.ID, "panic", p, "stack", string(debug.Stack()))
			err = fault.Internal.Errorf("the handler panicked")
		}
	}()
	return nil, h(ctx, e)
}
