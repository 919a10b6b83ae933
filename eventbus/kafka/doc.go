// Package kafka is an eventbus.Bus on Apache Kafka.
//
//	bus, err := kafka.New(kafka.Config{Brokers: []string{"127.0.0.1:9092"}})
//	defer bus.Close(ctx)
//
// # Guarantees
//
// The guarantees are those of package eventbus: at least once, order per key within a
// group, and each event goes to one member of a group. New and Subscribe succeed without
// a reachable broker: the bus connects when there is one, and again after an outage. When
// Publish returns nil, all brokers that are in sync have the event; what the client
// repeats by itself is stored once.
//
// # On the brokers
//
// A topic is the topic of Kafka of the same name. It is created if it is missing, unless
// Config.TopicsMustExist is set; an existing one is used unchanged. An event is in the
// partition that murmur2 gives for its key, as other clients of Kafka find it; one without
// a key is anywhere. A group is the consumer group GROUP:TOPIC, such as
// mailer:order.placed.
//
// The partitions of a topic are divided among the processes that subscribe for a group,
// and the subscriptions of a process share its partitions. Events of different partitions
// are handled at the same time, one by each subscription: a process that shall handle four
// events at once subscribes four times. An event whose handler fails or is slow blocks all
// keys of its partition, and nothing else as long as another subscription of the process
// is free. The pause before a redelivery grows from 100 ms to 10 s.
//
// A process that joins or leaves takes over only those partitions that it needs. A handler
// that runs in one of them ends first: after Config.HandOverTimeout its context is
// cancelled. A handler may take as long as it likes otherwise. When a process dies, other
// processes get its partitions after Config.SessionTimeout, and what it had not committed:
// at most what it handled in the last moments.
//
// A group outlives its members, and gets what was published while it had none, for as
// long as the brokers store it (offsets.retention.minutes, 7 days by default). It starts
// with what is published after its first Subscribe. If the brokers are unreachable at that
// moment, the group starts a few seconds before it rather than after it. A subscription
// with the group "" leaves nothing on the brokers.
//
// # Records
//
// Events are in the binary mode of the CloudEvents binding for Kafka, or with
// Config.Structured in the structured one. Both are read. A record that is no CloudEvent
// becomes an event, too: its ID is TOPIC/PARTITION/OFFSET, its Type the topic, its Source
// "kafka", and its headers are extensions. An event that says it is a CloudEvent and is
// none is logged and dropped.
package kafka
