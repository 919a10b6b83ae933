package nats

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

// PublishAt implements eventbus.Scheduler: the server stores the events until they are due.
// An event with the same Source and ID as one that is not due replaces it. PublishAt returns
// fault.FailedPrecondition if the server is older than 2.12 or the topic's stream does not
// allow schedules, and fault.InvalidArgument if the stream's MaxAge ends before due.
func (b *Bus) PublishAt(ctx context.Context, topic string, due time.Time, events ...eventbus.Event) error {
	if time.Until(due) <= 0 {
		due = time.Time{}
	}
	return b.publish(ctx, topic, due, events)
}

// schedule makes the server publish the message of an event when it is due.
func schedule(m *nats.Msg, topic string, e eventbus.Event, due time.Time) {
	m.Subject = scheduleSubject(topic, hashOf(e))
	m.Header[jetstream.ScheduleHeader] = []string{"@at " + due.UTC().Format(time.RFC3339Nano)} // the client's option has whole seconds
	m.Header[jetstream.ScheduleTargetHeader] = []string{subject(topic, e.Key)}
}

// checkSchedule reports why the topic's stream cannot store an event until it is due.
func (b *Bus) checkSchedule(ctx context.Context, topic string, due time.Time) error {
	stream, err := b.js.Stream(ctx, streamName(topic))
	if err != nil {
		return b.failure(topic, 0, err)
	}
	c := stream.CachedInfo().Config
	switch {
	case !c.AllowMsgSchedules:
		return fault.FailedPrecondition.Errorf("topic %s: stream %s does not allow schedules (allow_msg_schedules), which need nats-server 2.12; this is %s; eventbus/outbox publishes later on any server", topic, c.Name, b.conn.ConnectedServerVersion())
	case c.MaxAge > 0 && time.Until(due) >= c.MaxAge:
		return fault.InvalidArgument.Errorf("topic %s: stream %s stores an event for %s, and %s is later than that; eventbus/outbox stores it for any time", topic, c.Name, c.MaxAge, due.Format(time.RFC3339))
	}
	return nil
}

// hashOf is the same for events that are the same.
func hashOf(e eventbus.Event) string {
	sum := sha256.Sum256([]byte(e.Source + "\x00" + e.ID))
	return hex.EncodeToString(sum[:])
}

// scheduleSubject is the subject of an event that is not due. Nobody consumes it.
func scheduleSubject(topic, id string) string { return "sinew." + token(topic) + ".later." + id }
