// Package eventbus publishes events to other services: typed topics over a bus, in memory
// or on a broker.
//
//	var Placed = eventbus.Topic[Order]{Name: "order.placed", Key: func(o Order) string { return o.ID }}
//
//	err := Placed.Publish(ctx, bus, order)
//	err := Placed.Handle(bus, "mailer", func(ctx context.Context, o Order) error { ... })
//
// A handler runs inside an endpoint, so every middleware applies: [RetryPolicy] repeats
// the handler after a failure, [DeadLetter] puts aside an event that can never be
// handled, [Dedupe] runs the handler once per event. [Redrive] brings back what was put
// aside:
//
//	again, err := eventbus.Redrive(ctx, bus, "order.dead")
//
// # Guarantees of every bus
//
//   - At least once: an event is delivered to each group until a handler of the group
//     returns nil. An event whose handler fails is redelivered after a pause.
//   - Order: events of one key are handled in the order of their publication, one at a
//     time within a group. A failing event blocks only its own key.
//   - Groups: each group gets every event, and each event goes to one member of the
//     group. A subscription with the group "" gets a copy of every event.
//   - Drain: Close, and the function stop that Subscribe returns, wait until the running
//     handlers have ended. The bus cancels a handler's context only if the context of
//     stop or Close ends first: then the drain is cut short.
//   - A panic in a handler counts as an error, fault.Internal, and is logged with its
//     stack.
//
// # Events
//
// An [Event] is a CloudEvents 1.0 event, and its JSON is the CloudEvents JSON format.
// [Topic] encodes a value once, and every handler gets its own copy. An event whose Data
// is the JSON null fails with fault.InvalidArgument, unless T is a map, a slice or
// another type that is no pointer and has null as its zero value.
//
// # Later
//
// [Topic.PublishAt] publishes an event when its time has come, such as a reminder:
//
//	err := Unpaid.PublishAt(ctx, bus, time.Now().Add(24*time.Hour), order)
//
// The buses in memory and on NATS can do that, and so can the publishers of
// eventbus/outbox on any bus. In memory what is not due is lost at the end of the bus; on
// NATS and in an outbox it survives restarts.
//
// # Versions
//
// A type changes. As long as new subscribers can read old events and old subscribers new
// ones, nothing is to be done, and package apitest finds out when they cannot. Then the
// topic gets a Version, and says how events of earlier versions are read:
//
//	var Placed = eventbus.Topic[Order]{
//		Name: "order.placed", Version: 2,
//		Earlier: map[int]func([]byte) (Order, error){1: eventbus.Upcast(fromFirst)},
//	}
//
// A handler that does not know a version yet lets its events wait, so that subscribers may
// be deployed after publishers. Events of one key wait behind them.
//
// # In memory
//
// The bus of [NewMemory] gives these guarantees within one process. A group exists while
// it has members: it does not get what was published before its first member. When its
// last member stops, that member first handles all events that wait for the group; if the
// stop or Close is cut short, they are lost. Publish waits while the buffer of a group is
// full. In a handler it does not wait, because the buffer may be waiting for that
// handler: then the buffer grows.
//
// # Other buses
//
// Package eventbus/kafka is a bus on Apache Kafka, and package eventbus/nats one on NATS
// JetStream, both modules of their own. Package eventbustest tests these guarantees for
// any implementation of Bus.
package eventbus
