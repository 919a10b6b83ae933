// Package watermill makes an eventbus.Bus a Pub/Sub of Watermill, so that the routers,
// handlers and middlewares of Watermill run on any bus; and it makes a Pub/Sub of Watermill
// an eventbus.Bus, so that topics and handlers run on whatever Watermill has a Pub/Sub for.
//
//	pubsub, err := watermill.NewPubSub(watermill.Config{Bus: bus, Group: "mailer"})
//	err := pubsub.Publish("order.placed", message.NewMessage(watermill.NewUUID(), payload))
//	messages, err := pubsub.Subscribe(ctx, "order.placed")
//
//	bus, err := watermill.NewBus(watermill.BusConfig{Publisher: publisher, Subscriber: subscriberOfGroup})
//	err := placed.Handle(bus, "mailer", handle)
//
// # Guarantees
//
// The guarantees of a PubSub are those of the bus: a message comes until it is acked, each group gets
// every message, and messages of one key are handled in order, one at a time. A message that
// is nacked comes again after the pause of the bus. Publishers and subscribers may use the
// bus itself, and eventbus.Topic, at the same time.
//
// The guarantees of a Bus are those of its Pub/Sub. A message is acked when its handler has
// returned nil. After an error or a panic it is nacked, after a pause of 100 ms at first and
// 10 s at most. Groups outlive their members, and what waits outlives the bus, if the Pub/Sub
// stores it. Events of one key are in order if the Pub/Sub has order for messages with one
// ce_partitionkey, which is what a marshaler should partition by. Delivery.Number counts the
// deliveries to one subscription of Watermill. gochannel has neither groups nor order, and
// loses what waits.
//
// # Messages and events
//
// The UUID of a message is the ID of its event, and the payload is its Data. Attributes of
// the event are in the metadata as the CloudEvents binding for Kafka names them: ce_source,
// ce_type, ce_subject, ce_time, ce_dataschema, ce_partitionkey (the Key), content-type, and
// extensions with the prefix ce_. What a publisher does not set has the defaults of the bus.
// All other metadata crosses the bus in the extension watermillmetadata, and arrives as it
// was. A message of another writer becomes an event with default values: its Source is
// "watermill", its Type the topic, and its Time that of its delivery. Without a content-type
// it is application/octet-stream if it is no JSON. Without a UUID it has another ID at each
// delivery.
package watermill
