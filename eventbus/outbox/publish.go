package outbox

import (
	"context"
	"encoding/json"
	"iter"
	"strings"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/eventtrace"
)

// maxTopic is the length of the longest topic, in bytes.
const maxTopic = 255

// In returns a publisher that writes events into the transaction tx. Its Publish returns
// fault.InvalidArgument for an event that is none, and otherwise the error of the
// database, after which the transaction cannot be committed. The events get the trace of
// the context. The publisher is an eventbus.Scheduler, too.
func (o *Outbox) In(tx Execer) eventbus.Publisher { return writer{outbox: o, tx: tx} }

// At is In for events that are published later, when due is reached. They survive a
// restart. They are published in the order of their times, within Config.Poll after it;
// their Time is that of the writing.
func (o *Outbox) At(tx Execer, due time.Time) eventbus.Publisher {
	return writer{outbox: o, tx: tx, due: due}
}

// writer writes events into the outbox instead of publishing them.
type writer struct {
	outbox *Outbox
	tx     Execer
	due    time.Time // zero for now
}

// Publish implements eventbus.Publisher.
func (w writer) Publish(ctx context.Context, topic string, events ...eventbus.Event) error {
	if topic == "" || len(topic) > maxTopic {
		return fault.InvalidArgument.Errorf("outbox %s: the topic %.40q is empty, or longer than %d bytes", w.outbox.config.Table, topic, maxTopic)
	}
	written := make([]row, len(events))
	for i, e := range events {
		if e.Source == "" {
			e.Source = w.outbox.config.Source
		}
		text, err := json.Marshal(eventtrace.Inject(ctx, e.WithDefaults(topic)))
		if err != nil {
			return fault.InvalidArgument.Errorf("outbox %s, topic %s: %w", w.outbox.config.Table, topic, err)
		}
		written[i] = row{topic: topic, event: text}
	}
	if !w.due.IsZero() {
		return w.outbox.insertLater(ctx, w.tx, w.due, written)
	}
	return w.outbox.insert(ctx, w.tx, written)
}

// PublishAt implements eventbus.Scheduler: it is Publish of [Outbox.At].
func (w writer) PublishAt(ctx context.Context, topic string, due time.Time, events ...eventbus.Event) error {
	w.due = due
	return w.Publish(ctx, topic, events...)
}

// maxInsert is how many events one statement inserts.
const maxInsert = 100

// chunks yields what one statement inserts: up to maxInsert events and maxBytes, or one event.
func chunks(rows []row) iter.Seq[[]row] {
	return func(yield func([]row) bool) {
		for len(rows) > 0 {
			n, size := 1, len(rows[0].event)
			for n < min(len(rows), maxInsert) && size+len(rows[n].event) <= maxBytes {
				size += len(rows[n].event)
				n++
			}
			if !yield(rows[:n]) {
				return
			}
			rows = rows[n:]
		}
	}
}

// insert writes events into the table of those that wait.
func (o *Outbox) insert(ctx context.Context, tx Execer, rows []row) error {
	for some := range chunks(rows) {
		var args []any
		for _, r := range some {
			args = append(args, r.topic, r.event)
		}
		values := strings.Repeat(", (?, ?, {now})", len(some))[2:]
		if _, err := o.tables.Exec(ctx, tx, `INSERT INTO {outbox} (topic, event, at) VALUES `+values, args...); err != nil {
			return err
		}
	}
	if !o.config.Notify {
		return nil
	}
	_, err := o.tables.Exec(ctx, tx, `SELECT pg_notify(?, '')`, o.Channel())
	return err
}

// insertLater writes events into the table of those that are not due.
func (o *Outbox) insertLater(ctx context.Context, tx Execer, due time.Time, rows []row) error {
	for some := range chunks(rows) {
		var args []any
		for _, r := range some {
			args = append(args, due.UnixMilli(), r.topic, r.event)
		}
		values := strings.Repeat(", (?, ?, ?)", len(some))[2:]
		if _, err := o.tables.Exec(ctx, tx, `INSERT INTO {outbox}_later (due, topic, event) VALUES `+values, args...); err != nil {
			return err
		}
	}
	return nil
}
