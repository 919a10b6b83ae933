package database

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/tracing"
)

// Outbox makes a change and its event atomic: the event is written in the transaction of
// the change, and published after the commit by [Outbox.Run], oldest first.
//
// A bus may lose what it accepted: a memory bus ends with its process, and so do the
// events that are not handled yet. Therefore an event stays in the outbox for a minute
// after it was sent, and Run first resends what an earlier process has left there. An
// event may arrive twice, with the same ID, but it is never lost: subscribers must
// tolerate repeats.
type Outbox struct {
	db   *sql.DB
	bus  eventbus.Publisher
	wake chan struct{}
}

// OutboxSchema creates the outbox's table. sent is when an event was sent, in nanoseconds
// of the Unix epoch; it is 0 until then.
const OutboxSchema = `
	CREATE TABLE IF NOT EXISTS outbox (n INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, event TEXT NOT NULL, sent INTEGER NOT NULL DEFAULT 0);
	CREATE INDEX IF NOT EXISTS outbox_sent ON outbox (sent, n)`

const (
	sentRetention    = time.Minute     // longer than a memory bus holds an event
	pollInterval     = time.Second     // for events of other processes
	finalSendTimeout = 5 * time.Second // for what the last requests have written
	batchSize        = 100             // events read at once
)

// NewOutbox returns the outbox in db for events to bus. It sends nothing before
// [Outbox.Run].
func NewOutbox(db *sql.DB, bus eventbus.Publisher) *Outbox {
	return &Outbox{db: db, bus: bus, wake: make(chan struct{}, 1)}
}

// In returns a publisher that writes into the transaction. Call [Outbox.Wake] after the
// commit.
func (o *Outbox) In(tx *sql.Tx) eventbus.Publisher { return pending{tx} }

// Wake makes Run send now. It never blocks, so a handler of events may call it: if it
// waited for a full bus, the handler could be the reason that the bus is full.
func (o *Outbox) Wake() {
	select {
	case o.wake <- struct{}{}:
	default: // a wake-up is pending
	}
}

// Run sends until ctx ends, and then what was written by then. Nothing else sends, which
// preserves the order.
func (o *Outbox) Run(ctx context.Context) {
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	o.logFailure(ctx, o.resend(ctx))
	for {
		o.logFailure(ctx, o.send(ctx))
		select {
		case <-o.wake:
		case <-poll.C:
			o.logFailure(ctx, o.purge(ctx))
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), finalSendTimeout)
			defer cancel()
			o.logFailure(last, o.send(last))
			return
		}
	}
}

// resend marks everything that was sent as unsent. Events older than a minute were purged
// by their sender.
func (o *Outbox) resend(ctx context.Context) error {
	return o.exec(ctx, `UPDATE outbox SET sent = 0 WHERE sent > 0`)
}

func (o *Outbox) purge(ctx context.Context) error {
	return o.exec(ctx, `DELETE FROM outbox WHERE sent BETWEEN 1 AND ?`, time.Now().Add(-sentRetention).UnixNano())
}

// row is an event in the outbox.
type row struct {
	n          int64
	topic, doc string
}

func (o *Outbox) send(ctx context.Context) error {
	for {
		rows, err := o.unsent(ctx)
		if err != nil || len(rows) == 0 {
			return err
		}
		for i, r := range rows {
			if err := o.publish(ctx, r); err != nil {
				return errors.Join(err, o.markSent(ctx, rows[:i]))
			}
		}
		if err := o.markSent(ctx, rows); err != nil {
			return err
		}
	}
}

func (o *Outbox) unsent(ctx context.Context) (found []row, err error) {
	rows, err := o.db.QueryContext(ctx, `SELECT n, topic, event FROM outbox WHERE sent = 0 ORDER BY n LIMIT ?`, batchSize)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.n, &r.topic, &r.doc); err != nil {
			return nil, fmt.Errorf("outbox: %w", err)
		}
		found = append(found, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	return found, nil
}

// publish sends one event in the trace of its change.
func (o *Outbox) publish(ctx context.Context, r row) error {
	var e eventbus.Event
	if err := json.Unmarshal([]byte(r.doc), &e); err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	return o.bus.Publish(tracing.Extract(ctx, tracing.Map(e.Extensions)), r.topic, e)
}

func (o *Outbox) markSent(ctx context.Context, rows []row) error {
	if len(rows) == 0 {
		return nil
	}
	return o.exec(context.WithoutCancel(ctx), `UPDATE outbox SET sent = ? WHERE sent = 0 AND n BETWEEN ? AND ?`,
		time.Now().UnixNano(), rows[0].n, rows[len(rows)-1].n)
}

func (o *Outbox) exec(ctx context.Context, statement string, args ...any) error {
	if _, err := o.db.ExecContext(ctx, statement, args...); err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	return nil
}

// logFailure logs why events wait. A closed bus is expected at the end of a process, and
// the next process sends them.
func (o *Outbox) logFailure(ctx context.Context, err error) {
	switch {
	case err == nil || ctx.Err() != nil:
	case errors.Is(err, fault.FailedPrecondition):
		slog.DebugContext(ctx, "events wait in the outbox for the next start", "why", err)
	default:
		slog.WarnContext(ctx, "events wait in the outbox", "error", err)
	}
}

// pending writes events into the outbox instead of publishing them.
type pending struct{ tx *sql.Tx }

func (p pending) Publish(ctx context.Context, topic string, events ...eventbus.Event) error {
	for _, e := range events {
		e = e.WithDefaults(topic)
		e.Extensions = map[string]string{}
		tracing.Formats{tracing.W3C}.Inject(ctx, tracing.Map(e.Extensions)) // it is sent in another context
		doc, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("outbox: %w", err)
		}
		if _, err := p.tx.ExecContext(ctx, `INSERT INTO outbox (topic, event) VALUES (?, ?)`, topic, doc); err != nil {
			return fmt.Errorf("outbox: %w", err)
		}
	}
	return nil
}
