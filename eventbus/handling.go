package eventbus

import (
	"cmp"
	"context"
	"log/slog"
	"sync/atomic"
)

// Delivery is how an event came to its handler.
type Delivery struct {
	// Topic and Group are those of the subscription.
	Topic, Group string
	// Number is 1 for the first delivery of the event to the group, 2 for the next one, as
	// far as the bus knows. It is 0 if the bus does not count.
	Number int
	// PutAside says that [DeadLetter] has put the event aside.
	PutAside bool
}

// DeliveryOf returns the delivery of the event that is being handled in ctx, and the zero
// Delivery outside a handler.
func DeliveryOf(ctx context.Context) Delivery {
	h := handlingOf(ctx)
	if h == nil {
		return Delivery{}
	}
	d := Delivery{Number: int(h.number), PutAside: h.putAside.Load()}
	if h.of != nil {
		d.Topic, d.Group = h.of.topic, h.of.group
	}
	return d
}

// EventOf returns the event that is being handled in ctx, and false outside a handler.
func EventOf(ctx context.Context) (Event, bool) {
	if e, ok := ctx.Value(eventKey{}).(*Event); ok {
		return *e, true
	}
	return Event{}, false
}

func isHandling(ctx context.Context) bool { return ctx.Value(eventKey{}) != nil }

// ContextWithEvent returns a context for a handler of e, in which [EventOf] finds e and
// [DeliveryOf] finds d. Another implementation of [Bus] calls its handlers with it.
func ContextWithEvent(ctx context.Context, e Event, d Delivery) context.Context {
	h := &handling{Context: ctx, event: e, number: int32(d.Number)} //nolint:gosec // far below the limit
	if d.Topic != "" {
		h.of = &subscription{d.Topic, d.Group}
	}
	return h
}

// LogTo sets the logger for the event that is being handled in ctx. The logger gets the
// messages that the event will be redelivered, that its handler panicked, or that it was
// put aside. LogTo is for code around handlers, before it calls them; outside a handler
// it does nothing.
func LogTo(ctx context.Context, log *slog.Logger) {
	if h := handlingOf(ctx); h != nil {
		h.log = log
	}
}

// LoggerOf returns the logger that [LogTo] set for the event that is being handled in
// ctx, or nil.
func LoggerOf(ctx context.Context) *slog.Logger {
	if h := handlingOf(ctx); h != nil {
		return h.log
	}
	return nil
}

// loggerOf is LoggerOf with the default slog.Default().
func loggerOf(ctx context.Context) *slog.Logger { return cmp.Or(LoggerOf(ctx), slog.Default()) }

// handling is the context, the event and the delivery of a handler, in one allocation.
type handling struct {
	context.Context
	event    Event
	log      *slog.Logger  // nil is slog.Default()
	of       *subscription // nil if the bus does not say
	number   int32         // of the delivery; 0 if the bus does not count
	attempts atomic.Int32  // of RetryPolicy, in this delivery; 0 without one
	putAside atomic.Bool
}

// subscription is what a handler subscribes to.
type subscription struct{ topic, group string }

type (
	eventKey    struct{}
	handlingKey struct{}
)

// handlingOf returns what is handled in ctx, or nil.
func handlingOf(ctx context.Context) *handling {
	h, _ := ctx.Value(handlingKey{}).(*handling)
	return h
}

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
