// Package nats is an eventbus.Bus on NATS JetStream.
//
//	bus, err := nats.New(nats.Config{URL: "nats://127.0.0.1:4222"})
//	defer bus.Close(ctx)
//
// # Guarantees
//
// The guarantees are those of package eventbus: at least once, order per key within a
// group, and each event goes to one member of a group. New and Subscribe succeed without
// a reachable server: the bus connects when there is one, and again after an outage. When
// Publish returns nil, the event is on the server's disk. If an event with the same
// Source and ID is published again within two minutes, it is stored once.
//
// # On the server
//
// Each topic is a stream, sinew_TOPIC. It is created if it is missing; an existing one is
// used unchanged. Its events are distributed by key over 16 partitions; those without a
// key, at random. A group has one durable consumer for each partition, which delivers one
// event at a time. So a group handles at most 16 events at once; an event whose handler
// fails or is slow blocks all keys of its partition; and a busy member leaves the other
// partitions to the other members. The pause before a redelivery grows from 100 ms to 10
// s.
//
// Events of PublishAt wait in the stream of their topic until they are due, by the message
// schedules of nats-server 2.12 and later, and no longer than the MaxAge of the stream.
//
// A group outlives its members, and gets what was published while it had none. It starts
// with what is published after its first Subscribe. If the server is unreachable at that
// moment, the group starts slightly before it rather than after it. A subscription with
// the group "" has a consumer of its own, which its stop removes, or else the server
// after an hour without the subscriber.
//
// # Messages
//
// Events are in the binary mode of the CloudEvents binding for NATS, or with
// Config.Structured in the structured one. Both are read: a message with the header
// ce-specversion is in binary mode. A message that is no event is logged and dropped.
package nats
