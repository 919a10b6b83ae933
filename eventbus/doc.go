// Package eventbus publishes events to other services: typed topics over a bus, in memory
// or on a broker.
//
//	var Placed = eventbus.Topic[Order]{Name: "order.placed", Key: func(o Order) string { return o.ID }}
//
//	err := Placed.Publish(ctx, bus, order)
//	err := Placed.Handle(bus, "mailer", func(ctx context.Context, o Order) error { ... })
//
// A handler runs inside an endpoint, so every middleware applies: [RetryPolicy] repeats
// it, [DeadLetter] puts aside what can never be handled, [Dedupe] runs it once per event.
//
// # Guarantees of every bus
//
//   - At least once: an event is delivered until its handler returns nil. An event whose
//     handler fails is redelivered after a pause.
//   - Order: events of one key are handled in the order of their publication, one at a
//     time within a group. A failing event blocks only its own key.
//   - Groups: each group gets every event, and each event goes to one member of the
//     group. A subscription with the group "" gets a copy of every event.
//   - Drain: stop and Close return when the running handlers have ended. A handler's
//     context ends only when a drain was cut short.
//   - A panic in a handler is an error.
//
// # Events
//
// An [Event] is a CloudEvents 1.0 event, and its JSON is the CloudEvents JSON format.
// [Topic] encodes a value once, and every handler gets its own copy. Data that is null is
// an event only if T encodes its zero value as null.
//
// # In memory
//
// [NewMemory] gives these guarantees within one process. A group exists while it has
// members: it does not get what was published before its first member, and it loses what
// a stop or Close that was cut short leaves undone. Publish waits while the buffer of a
// group is full, except in a handler, which must not wait for itself.
//
// # Other buses
//
// eventbus/nats, a module of its own, is a bus on NATS JetStream. eventbustest tests the
// rules for any implementation.
package eventbus
