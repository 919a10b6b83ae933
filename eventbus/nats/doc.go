// Package nats is an eventbus.Bus on NATS JetStream.
//
//	bus, err := nats.New(nats.Config{URL: "nats://127.0.0.1:4222"})
//	defer bus.Close(ctx)
//
// # Guarantees
//
// The guarantees are those of eventbus: at least once, order per key within a group, and
// each event goes to one member of a group. New and Subscribe work without a reachable
// server: they connect when there is one, and again after an outage.
// When Publish returns nil, the event is on the server's disk. If the same event is
// published again within two minutes, it is stored once.
//
// # On the server
//
// Each topic is a stream, sinew_TOPIC. It is created if it is missing; an existing one is
// used unchanged. Its events are distributed by key over 16 partitions. A group has one
// durable consumer for each partition, which delivers one event at a time: an event whose
// handler fails or is slow blocks the keys of its partition, and a busy member leaves the
// other partitions to the other members.
//
// A group outlives its members, and gets what was published while it had none. It starts
// with what is published after its first Subscribe. If the server was away at that
// moment, it starts slightly before rather than after. A subscription with the group ""
// has its own consumer, which the server removes after an hour without the subscriber.
package nats
