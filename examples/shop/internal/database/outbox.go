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

// Outbox makes a change and its event one: the event is written in the change's
// transaction and published after it, oldest first, by [Outbox.Run].
//
// A bus may forget what it took: the one in memory ends with its process, and
// with it what no follower has handled yet. So an event is kept for a minute
// after it was sent, and a new Run begins by sending again what is left of the
// life before. An event may come twice, with the same id, and never not at all:
// whoever follows must not mind.
type Outbox struct {
	db   *sql.DB
	bus  eventbus.Publisher
	wake chan struct{}
}

// OutboxSchema is the statement that makes the outbox's table. An event was
// sent at sent, in nanoseconds of the Unix epoch; one that waits has 0.
const OutboxSchema = `
	CREATE TABLE IF NOT EXISTS outbox (n INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, event TEXT NOT NULL, sent INTEGER NOT NULL DEFAULT 0);
	CREATE INDEX IF NOT EXISTS outbox_sent ON outbox (sent, n)`

const (
	keepSent = time.Minute     // longer than a bus in memory holds an event
	lookFor  = time.Second     // for what another process has left
	lastSend = 5 * time.Second // for what the last requests have written
	atOnce   = 100             // events read in one go
)

// NewOutbox is the outbox in db of what goes to bus. It sends nothing before
// [Outbox.Run].
func NewOutbox(db *sql.DB, bus eventbus.Publisher) *Outbox {
	return &Outbox{db: db, bus: bus, wake: make(chan struct{}, 1)}
}

// In is a publisher that writes into the transaction. Call [Outbox.Wake] after
// the commit.
func (o *Outbox) In(tx *sql.Tx) eventbus.Publisher { return pending{tx} }

// Wake has Run send now. It waits for nothing, so that a handler of events may
// call it: one that waited for a full bus could be what keeps the bus full.
func (o *Outbox) Wake() {
	select {
	case o.wake <- struct{}{}:
	default: // it is awake
	}
}

// Run sends until ctx ends, and then what is written by then. It is the only one
// that sends, which keeps the order.
func (o *Outbox) Run(ctx context.Context) {
	look := time.NewTicker(lookFor)
	defer look.Stop()
	o.report(ctx, o.again(ctx))
	for {
		o.report(ctx, o.send(ctx))
		select {
		case <-o.wake:
		case <-look.C:
			o.report(ctx, o.purge(ctx))
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSend)
			defer cancel()
			o.report(last, o.send(last))
			return
		}
	}
}

// again has all that was sent wait once more. What is older than a minute has
// been purged by whoever sent it.
func (o *Outbox) again(ctx context.Context) error {
	return o.exec(ctx, `UPDATE outbox SET sent = 0 WHERE sent > 0`)
}

func (o *Outbox) purge(ctx context.Context) error {
	return o.exec(ctx, `DELETE FROM outbox WHERE sent BETWEEN 1 AND ?`, time.Now().Add(-keepSent).UnixNano())
}

// row is an event in the outbox.
type row struct {
	n          int64
	topic, doc string
}

func (o *Outbox) send(ctx context.Context) error {
	for {
		rows, err := o.waiting(ctx)
		if err != nil || len(rows) == 0 {
			return err
		}
		for i, r := range rows {
			if err := o.publish(ctx, r); err != nil {
				return errors.Join(err, o.sent(ctx, rows[:i]))
			}
		}
		if err := o.sent(ctx, rows); err != nil {
			return err
		}
	}
}

func (o *Outbox) waiting(ctx context.Context) (found []row, err error) {
	rows, err := o.db.QueryContext(ctx, `SELECT n, topic, event FROM outbox WHERE sent = 0 ORDER BY n LIMIT ?`, atOnce)
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

// publish sends one event in the trace of the change that it tells of.
func (o *Outbox) publish(ctx context.Context, r row) error {
	var e eventbus.Event
	if err := json.Unmarshal([]byte(r.doc), &e); err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	return o.bus.Publish(tracing.Extract(ctx, tracing.Map(e.Extensions)), r.topic, e)
}

func (o *Outbox) sent(ctx context.Context, rows []row) error {
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

// report logs what keeps the events waiting. That the bus is closed is no news:
// the process is about to end, and its next life sends them.
func (o *Outbox) report(ctx context.Context, err error) {
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
