package nats

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/deadline"
)

// PublishAt implements eventbus.Scheduler: the server stores the events until they are due.
// An event with the same Source and ID as one that is not due replaces it. PublishAt returns fault.FailedPrecondition if the server is older than 2.12 or the topic's stream
// does not allow schedules, and fault.InvalidArgument if the stream's MaxAge ends before due.
func (b *Bus) PublishAt(ctx context.Context, topic string, due time.Time, events ...eventbus.Event) error {
	if time.Until(due) <= 0 {
		return b.Publish(ctx, topic, events...)
	}
	if _, handling := eventbus.EventOf(ctx); b.refuses(handling) {
		return errClosed(topic)
	}
	ctx, cancel := deadline.EnsureDeadline(ctx, publishTimeout)
	defer cancel()
	if err := b.prepare(ctx, topic); err != nil {
		return err
	}
	if err := b.checkSchedule(ctx, topic, due); err != nil {
		return err
	}
	for _, e := range events {
		e = e.WithDefaults(topic)
		m, err := b.message(topic, &e)
		if err != nil {
			return err
		}
		m.Subject = scheduleSubject(topic, hashOf(e))
		m.Header[jetstream.ScheduleHeader] = []string{"@at " + due.UTC().Format(time.RFC3339Nano)} // the client's option has whole seconds
		m.Header[jetstream.ScheduleTargetHeader] = []string{subject(topic, e.Key)}
		if _, err := b.js.PublishMsg(ctx, m); err != nil {
			b.forget(topic) // the stream may be gone
			return b.failure(topic, m.Size(), err)
		}
	}
	return nil
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
