package eventbus

import (
	"cmp"
	"context"
	"log/slog"
	"time"
)

// Handler handles one event. Nil means that the event is handled; after an error or a
// panic it is redelivered.
type Handler func(ctx context.Context, e Event) error

// Publisher publishes events. It is safe for concurrent use.
type Publisher interface {
	// Publish accepts the events in order. If it returns nil, they will be delivered. An
	// event without ID, Source, Type or Time gets the values of [Event.WithDefaults]. After
	// an error some of the events may have been accepted: publishing the same events again
	// is safe for handlers that recognize an event by its ID.
	Publish(ctx context.Context, topic string, events ...Event) error
}

// Subscriber subscribes to topics. It is safe for concurrent use.
type Subscriber interface {
	// Subscribe calls h for the events of the topic, one at a time. The members of a
	// group share the events; a subscription with the group "" gets all of them.
	//
	// stop ends the subscription and waits for a call of h that is running. When ctx ends
	// first, the context of that call is cancelled and stop returns the error of ctx, or an
	// error that wraps it. A ctx that can never end, such as context.Background(), counts
	// as ended after [EndTimeout]. h must not call stop or Close except in a new goroutine,
	// because they wait for h. A nil h is fault.InvalidArgument.
	Subscribe(topic, group string, h Handler) (stop func(ctx context.Context) error, err error)
}

// Bus is a [Publisher] and a [Subscriber] that can be closed.
type Bus interface {
	Publisher
	Subscriber
	// Close ends all subscriptions. Waiting events that the bus would lose are delivered
	// first. When ctx ends first, the contexts of the handlers are cancelled, and Close
	// returns the error of ctx, or an error that wraps it. A ctx that can never end, such
	// as context.Background(), counts as ended after [EndTimeout], because a handler that
	// always fails would block Close forever. Handlers may publish while Close waits; any
	// other use of the bus is fault.FailedPrecondition.
	Close(ctx context.Context) error
}

// EndTimeout limits how long the Close of a [Bus], and the function stop that Subscribe
// returns, wait if their context can never end.
const EndTimeout = 30 * time.Second

// EventOf returns the event that is being handled in ctx, and false outside a handler.
func EventOf(ctx context.Context) (Event, bool) {
	if e, ok := ctx.Value(eventKey{}).(*Event); ok {
		return *e, true
	}
	return Event{}, false
}

func isHandling(ctx context.Context) bool { return ctx.Value(eventKey{}) != nil }

// ContextWithEvent returns a context for a handler of e, in which [EventOf] finds e.
// Another implementation of [Bus] calls its handlers with it.
func ContextWithEvent(ctx context.Context, e Event) context.Context {
	return &handling{Context: ctx, event: e}
}

// LogTo sets the logger for the event that is being handled in ctx. The logger gets the
// messages that the event will be redelivered, that its handler panicked, or that it was
// put aside. LogTo is for code around handlers, before it calls them; outside a handler
// it does nothing.
func LogTo(ctx context.Context, log *slog.Logger) {
	if h, ok := ctx.Value(handlingKey{}).(*handling); ok {
		h.log = log
	}
}

// LoggerOf returns the logger that [LogTo] set for the event that is being handled in
// ctx, or nil.
func LoggerOf(ctx context.Context) *slog.Logger {
	if h, ok := ctx.Value(handlingKey{}).(*handling); ok {
		return h.log
	}
	return nil
}

// loggerOf is LoggerOf with the default slog.Default().
func loggerOf(ctx context.Context) *slog.Logger { return cmp.Or(LoggerOf(ctx), slog.Default()) }

// handling holds the context and the event of a handler in one allocation.
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
