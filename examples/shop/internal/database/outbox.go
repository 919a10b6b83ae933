package database

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/tracing"
)

// Outbox makes a change and its event one: the event is written in the change's
// transaction and published after it. What cannot be published at once, because
// the bus is away or the process dies, is published later. An event may so come
// twice, with the same id, and never not at all.
type Outbox struct {
	db  *sql.DB
	bus eventbus.Publisher

	mu sync.Mutex // one flush at a time keeps the order
}

// OutboxSchema is the statement that makes the outbox's table.
const OutboxSchema = `CREATE TABLE IF NOT EXISTS outbox (n INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, event TEXT NOT NULL)`

// NewOutbox is the outbox in db of what goes to bus.
func NewOutbox(db *sql.DB, bus eventbus.Publisher) *Outbox {
	return &Outbox{db: db, bus: bus}
}

// In is a publisher that writes into the transaction; [Outbox.Flush] sends it
// after the commit.
func (o *Outbox) In(tx *sql.Tx) eventbus.Publisher { return pending{tx} }

// Flush publishes what waits, oldest first. Nothing is lost when it fails: the
// next Flush takes it up.
func (o *Outbox) Flush(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		var n int64
		var topic, doc string
		err := o.db.QueryRowContext(ctx, `SELECT n, topic, event FROM outbox ORDER BY n LIMIT 1`).Scan(&n, &topic, &doc)
		if err == sql.ErrNoRows {
			return nil
		}
		if err != nil {
			return fmt.Errorf("outbox: %w", err)
		}
		var e eventbus.Event
		if err := json.Unmarshal([]byte(doc), &e); err != nil {
			return fmt.Errorf("outbox: %w", err)
		}
		if err := o.bus.Publish(ctx, topic, e); err != nil {
			return err
		}
		if _, err := o.db.ExecContext(ctx, `DELETE FROM outbox WHERE n = ?`, n); err != nil {
			return fmt.Errorf("outbox: %w", err)
		}
	}
}

// Run flushes now and then until ctx ends, for what an earlier flush left.
func (o *Outbox) Run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if err := o.Flush(ctx); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "events wait in the outbox", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// pending writes events into the outbox instead of publishing them.
type pending struct{ tx *sql.Tx }

func (p pending) Publish(ctx context.Context, topic string, events ...eventbus.Event) error {
	for _, e := range events {
		e = e.Complete(topic)
		e.Extensions = map[string]string{}
		tracing.Formats{tracing.W3C}.Inject(ctx, tracing.Map(e.Extensions)) // it may be sent in another context
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
