// Package nats is an eventbus.Bus on NATS JetStream.
//
//	bus, err := nats.New(nats.Config{URL: "nats://127.0.0.1:4222"})
//	defer bus.Close(ctx)
//
// # Guarantees
//
// Those of eventbus: at least once, order per key within a group, each event to
// one member of a group. New and Subscribe need no server that answers: they
// take up their work when there is one, and again after it was away. What was
// published is on the server's disk when Publish returns nil, and the same event
// published again within two minutes is stored once.
//
// # On the server
//
// Each topic is a stream, sinew_TOPIC, which is made when it is missing and used
// as it is when it is there. Its events are in 16 partitions by key. A group has
// a durable consumer for each, which hands out one event at a time: so an event
// whose handler fails or is slow holds up the keys of its partition, and a busy
// member leaves those of the others to the other members. A group stays when its
// members leave, and gets what was published meanwhile; it begins with what is
// published after its first Subscribe, and when the server was away then, a moment
// before that rather than after. A subscription with the group "" has a consumer
// of its own, which the server removes when it was away for an hour.
package nats
