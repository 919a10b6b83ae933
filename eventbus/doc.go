// Package eventbus tells other services what happened: typed topics over a bus,
// in memory or on a broker.
//
//	var Placed = eventbus.Topic[Order]{Name: "order.placed", Key: func(o Order) string { return o.ID }}
//
//	err := Placed.Publish(ctx, bus, order)
//	err := Placed.Handle(bus, "mailer", func(ctx context.Context, o Order) error { ... })
//
// A handler is the inside of an endpoint, so that every middleware applies:
// [Retry] repeats it, [DeadLetter] puts aside what can never be handled, [Dedupe]
// runs it once per event.
//
// # Guarantees of every bus
//
// At least once: an event is delivered until its handler returns nil. One whose
// handler fails is redelivered after a pause. Events of one key are handled in the
// order of their publication, one at a time within a group, and a failing one
// holds up its key alone. Each group gets every event, and each event goes to
// one member of it; subscriptions with the group "" get a copy each. Stop and
// Close drain: they return when the handlers at work have ended. A handler's context ends
// only when a drain was cut short; a panic in it is an error.
//
// # Events
//
// An [Event] is a CloudEvents 1.0 event, and its JSON is their JSON format. [Topic]
// has its value encoded once, and every handler gets a value of its own. Data that
// is null is an event only where T writes its zero value so.
//
// # In memory
//
// [NewMemory] keeps these promises within one process. A group exists while it
// has members: what is published before the first one is not for it, and what a
// stop or Close that was cut short leaves undone is gone. Publish waits while a
// group has as many events waiting as its buffer holds, except in a handler, which
// must not wait for itself.
//
// # Other buses
//
// eventbus/nats, a module of its own, is NATS JetStream; eventbustest holds the
// rules as a suite.
package eventbus
