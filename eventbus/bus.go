package eventbus

import (
	"cmp"
	"context"
	"log/slog"
	"time"
)

// Handler handles one event. An error has the event delivered again.
type Handler func(ctx context.Context, e Event) error

// Publisher publishes. It is safe for concurrent use.
type Publisher interface {
	// Publish hands the events over in order; after nil they will be delivered.
	// An event without ID, Source, Type or Time gets them. After an error some
	// may have been handed over: publishing the same again is safe for handlers
	// that know an event by its ID.
	Publish(ctx context.Context, topic string, events ...Event) error
}

// Subscriber subscribes. It is safe for concurrent use.
type Subscriber interface {
	// Subscribe has h called for the topic's events, one at a time. Members of
	// one group share the events; a subscription with the group "" gets all of
	// them. stop ends the subscription and waits for a call that is going on;
	// when ctx ends first, the call's context is cancelled. A ctx that can never
	// end, such as context.Background(), does after [EndTimeout]. h itself must not
	// call it, nor Close, but in a goroutine: it would wait for itself. A nil h is
	// fault.InvalidArgument.
	Subscribe(topic, group string, h Handler) (stop func(ctx context.Context) error, err error)
}

// Bus is a [Publisher] and a [Subscriber] that can be closed.
type Bus interface {
	Publisher
	Subscriber
	// Close ends all subscriptions, first delivering what waits as far as the
	// bus would lose it. When ctx ends first, the handlers' contexts are
	// cancelled and ctx's error returned. A ctx that can never end, such as
	// context.Background(), does after [EndTimeout], since a handler that goes on
	// failing would hold it up for ever. Handlers may publish until then; other
	// uses of the bus are fault.FailedPrecondition from now on.
	Close(ctx context.Context) error
}

// EndTimeout bounds the end of a subscription, and of a bus, whose context can never
// end.
const EndTimeout = 30 * time.Second

// EventOf is the event that is being handled in ctx, and false outside of a
// handler.
func EventOf(ctx context.Context) (Event, bool) {
	if e, ok := ctx.Value(eventKey{}).(*Event); ok {
		return *e, true
	}
	return Event{}, false
}

func isHandling(ctx context.Context) bool { return ctx.Value(eventKey{}) != nil }

// ContextWithEvent is ctx as a handler of e gets it: [EventOf] finds e in it. Another
// implementation of [Bus] calls its handlers with it.
func ContextWithEvent(ctx context.Context, e Event) context.Context {
	return &handling{Context: ctx, event: e}
}

// LogTo has what becomes of the event that is handled in ctx logged to log: that it
// comes again, that its handler panicked, that it was put aside. It is for whoever
// calls a handler; outside of one it does nothing.
func LogTo(ctx context.Context, log *slog.Logger) {
	if h, ok := ctx.Value(handlingKey{}).(*handling); ok {
		h.log = log
	}
}

// LoggerOf is what [LogTo] said for the event that is handled in ctx, or nil.
func LoggerOf(ctx context.Context) *slog.Logger {
	if h, ok := ctx.Value(handlingKey{}).(*handling); ok {
		return h.log
	}
	return nil
}

// loggerOf is LoggerOf, or slog.Default().
func loggerOf(ctx context.Context) *slog.Logger { return cmp.Or(LoggerOf(ctx), slog.Default()) }

// handling holds the context and the event in one allocation.
type handling struct {
	context.Context
	event Event
	log   *slog.Logger // nil is slog.Default()
}

type (
	eventKey    struct{}
	handlingKey struct{}
)

// Value implements context.Context.
func (h *handling) Value(key any) any {
	switch key.(type) {
	case eventKey:
		return &h.event
	case handlingKey:
		return h
	}
	return h.Context.Value(key)
}
