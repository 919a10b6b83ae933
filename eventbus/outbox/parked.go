package outbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/ellipsis"
)

// maxReason is the length of the longest reason, in bytes.
const maxReason = 1024

// Parked is an event that the bus refuses for what it is. It stays in the database until
// [Outbox.Unpark].
type Parked struct {
	// ID is the event's number in the outbox.
	ID int64
	// Topic is its topic.
	Topic string
	// Event is the event. It is empty if what is stored cannot be read.
	Event eventbus.Event
	// Reason is why it was refused.
	Reason string
	// Since is when it was refused.
	Since time.Time
}

// Parked returns the events that are parked, the oldest first, at most limit.
func (o *Outbox) Parked(ctx context.Context, limit int) (found []Parked, err error) {
	err = o.tables.Each(ctx, o.config.DB, func(scan func(...any) error) (more bool, err error) {
		var p Parked
		var text []byte
		var since int64
		if err := scan(&p.ID, &p.Topic, &text, &p.Reason, &since); err != nil {
			return false, err
		}
		if json.Unmarshal(text, &p.Event) != nil {
			p.Event = eventbus.Event{}
		}
		p.Since = time.UnixMilli(since)
		found = append(found, p)
		return true, nil
	}, fmt.Sprintf(`SELECT n, topic, event, reason, at FROM {outbox}_parked ORDER BY n LIMIT %d`, max(limit, 0)))
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Unpark makes a parked event wait again, behind those that wait already. It returns
// fault.NotFound if no event with that ID is parked.
func (o *Outbox) Unpark(ctx context.Context, id int64) error {
	err := o.tables.Within(ctx, func(tx *sql.Tx) error {
		_, err := o.tables.Exec(ctx, tx, `INSERT INTO {outbox} (topic, event, at) SELECT topic, event, {now} FROM {outbox}_parked WHERE n = ?`, id)
		if err != nil {
			return err
		}
		removed, err := o.tables.Exec(ctx, tx, `DELETE FROM {outbox}_parked WHERE n = ?`, id)
		if err == nil && removed == 0 { // or another one has unparked it meanwhile
			return fault.NotFound.Errorf("outbox %s: no event %d is parked", o.config.Table, id)
		}
		return err
	})
	if err == nil {
		o.Wake()
	}
	return err
}

// park takes an event out of the way that can never be published.
func (o *Outbox) park(ctx context.Context, r row, reason error) error {
	text := strings.ReplaceAll(strings.ToValidUTF8(ellipsis.Cut(reason.Error(), maxReason), ""), "\x00", "") // which PostgreSQL has not
	var isThere int64
	err := o.tables.Within(ctx, func(tx *sql.Tx) (err error) {
		if isThere, err = o.tables.Exec(ctx, tx, `DELETE FROM {outbox} WHERE n = ?`, r.n); err != nil || isThere == 0 {
			return err // another process has sent it, or has parked it
		}
		_, err = o.tables.Exec(ctx, tx, `INSERT INTO {outbox}_parked (n, topic, event, reason, at) VALUES (?, ?, ?, ?, {now})`, r.n, r.topic, r.event, text)
		return err
	})
	if err == nil && isThere > 0 {
		o.parked.Add(1)
		o.config.Logger.ErrorContext(ctx, "the bus refuses an event of the outbox, which is parked", "table", o.config.Table, "topic", r.topic, "id", r.n, "error", reason)
	}
	return err
}
