package eventbus

import "context"

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
	// when ctx ends first, the call's context is cancelled. h itself must not
	// call it, nor Close, but in a goroutine: it would wait for itself.
	Subscribe(topic, group string, h Handler) (stop func(ctx context.Context) error, err error)
}

// Bus is both.
type Bus interface {
	Publisher
	Subscriber
	// Close ends all subscriptions, first delivering what waits as far as the
	// bus would lose it. When ctx ends first, the handlers' contexts are
	// cancelled and ctx's error returned. Handlers may publish until then; other
	// uses of the bus are fault.FailedPrecondition from now on.
	Close(ctx context.Context) error
}

// EventOf is the event that is being handled in ctx, and false outside of a
// handler.
func EventOf(ctx context.Context) (Event, bool) {
	if e, ok := ctx.Value(eventKey{}).(*Event); ok {
		return *e, true
	}
	return Event{}, false
}

func isHandling(ctx context.Context) bool { return ctx.Value(eventKey{}) != nil }

// Handling is ctx as a handler of e gets it: [EventOf] finds e in it. A bus of
// another make calls its handlers with it.
func Handling(ctx context.Context, e Event) context.Context {
	return &handling{Context: ctx, event: e}
}

// handling holds the context and the event in one allocation.
type handling struct {
	context.Context
	event Event
}

type eventKey struct{}

// Value implements context.Context.
func (h *handling) Value(key any) any {
	if _, ok := key.(eventKey); ok {
		return &h.event
	}
	return h.Context.Value(key)
}
