// Package watermill makes an eventbus.Bus a Pub/Sub of Watermill, so that the routers,
// handlers and middlewares of Watermill run on any bus.
//
//	pubsub, err := watermill.NewPubSub(watermill.Config{Bus: bus, Group: "mailer"})
//	err := pubsub.Publish("order.placed", message.NewMessage(watermill.NewUUID(), payload))
//	messages, err := pubsub.Subscribe(ctx, "order.placed")
//
// # Guarantees
//
// The guarantees are those of the bus: a message comes until it is acked, each group gets
// every message, and messages of one key are handled in order, one at a time. A message that
// is nacked comes again after the pause of the bus. Publishers and subscribers may use the
// bus itself, and eventbus.Topic, at the same time.
//
// # Messages and events
//
// The UUID of a message is the ID of its event, and the payload is its Data. Attributes of
// the event are in the metadata as the CloudEvents binding for Kafka names them: ce_source,
// ce_type, ce_subject, ce_time, ce_dataschema, ce_partitionkey (the Key), content-type, and
// extensions with the prefix ce_. What a publisher does not set has the defaults of the bus.
// All other metadata crosses the bus in the extension watermillmetadata, and arrives as it
// was.
package watermill
