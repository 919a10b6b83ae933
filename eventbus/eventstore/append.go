package eventstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/backoff"
	"github.com/sinew-go/sinew/internal/dialect"
	"github.com/sinew-go/sinew/internal/tables"
)

// What Append may expect of a stream instead of the version of its last event.
const (
	Any      int64 = -1 // whatever its version is
	NoStream int64 = 0  // that it has no event
)

// Append appends events to a stream whose last event has the version expected, all or none,
// and returns the version of the last one. Each event needs a Type; what else is missing
// gets a default, a Key the name of the stream.
//
// If the stream has another version, the error is fault.Aborted, which says that the whole
// has to be tried again, from reading on. Nothing is appended then, and a transaction of
// [Store.In] can go on.
//
// An append that is repeated with the same IDs returns what the first one has returned, and
// appends nothing, whatever has been appended since. If only some of its events are in the
// stream, the error is fault.AlreadyExists. What is wrong with an event is
// fault.InvalidArgument.
func (s *Store) Append(ctx context.Context, stream string, expected int64, events ...eventbus.Event) (version int64, err error) {
	if expected < Any {
		return 0, fault.InvalidArgument.Errorf("eventstore %s, stream %s: no stream can have the version %d; give Any, NoStream, or that of an event", s.config.Table, stream, expected)
	}
	rows, err := s.rowsOf(ctx, stream, events)
	if err != nil {
		return 0, err
	}
	a := appending{Store: s, stream: stream, expected: expected, rows: rows}
	if s.tx != nil {
		a.tx = s.tx
		version, err = a.run(ctx)
	} else {
		version, err = a.alone(ctx)
	}
	switch {
	case errors.As(err, new(conflict)):
		s.conflicts.Add(1)
	case err == nil && s.tx == nil:
		s.Wake()
	}
	if err != nil {
		return 0, err
	}
	s.appended.Add(a.inserted)
	return version, nil
}

// To returns a publisher that appends to the stream, as Append does. It ignores the topic of
// an event that has a Type.
func (s *Store) To(stream string, expected int64) eventbus.Publisher {
	return publisher(func(ctx context.Context, events []eventbus.Event) error {
		_, err := s.Append(ctx, stream, expected, events...)
		return err
	})
}

// publisher implements eventbus.Publisher.
type publisher func(ctx context.Context, events []eventbus.Event) error

// Publish implements eventbus.Publisher.
func (p publisher) Publish(ctx context.Context, topic string, events ...eventbus.Event) error {
	events = slices.Clone(events)
	for i := range events {
		if events[i].Type == "" {
			events[i].Type = topic
		}
	}
	return p(ctx, events)
}

// conflict is that a stream has another version than expected.
type conflict struct {
	table, stream    string
	expected, actual int64
}

// Error implements error.
func (c conflict) Error() string {
	expected := fmt.Sprintf("at version %d", c.expected)
	if c.expected == NoStream {
		expected = "without events"
	}
	return fmt.Sprintf("eventstore %s: stream %s is expected %s, and is at version %d; load it and decide again", c.table, c.stream, expected, c.actual)
}

// appending is one append.
type appending struct {
	*Store
	tx       tables.Querier
	stream   string
	expected int64
	rows     []row
	inserted int64
}

// alone appends in a transaction of its own, which is tried again after a deadlock.
func (a *appending) alone(ctx context.Context) (version int64, err error) {
	for attempt, pause := 1, time.Duration(0); ; attempt++ {
		a.inserted = 0
		err = a.tables.WithinAt(ctx, sql.LevelReadCommitted, func(tx *sql.Tx) (err error) {
			a.tx = tx
			version, err = a.run(ctx)
			return err
		})
		if !errors.Is(err, fault.Aborted) || errors.As(err, new(conflict)) || attempt == maxAttempts {
			return version, err
		}
		pause = conflictPauses.Next(pause)
		if backoff.Wait(ctx, pause) != nil {
			return version, err
		}
	}
}

// run appends, and returns the version of the last event.
func (a *appending) run(ctx context.Context) (version int64, err error) {
	if len(a.rows) == 0 {
		if version, err = a.version(ctx, ""); err == nil && a.expected != Any && version != a.expected {
			err = fault.Aborted.Errorf("%w", conflict{a.config.Table, a.stream, a.expected, version})
		}
		return version, err
	}
	before, reserved, err := a.reserve(ctx)
	if err != nil {
		return 0, err
	}
	version, isRepeat, err := a.repeated(ctx, !reserved)
	if isRepeat && reserved {
		err = errors.Join(err, a.giveBack(ctx, before))
	}
	switch {
	case isRepeat || err != nil:
		return version, err
	case !reserved:
		actual, err := a.version(ctx, a.current())
		if err != nil {
			return 0, err
		}
		return 0, fault.Aborted.Errorf("%w", conflict{a.config.Table, a.stream, a.expected, actual})
	}
	if err := a.insert(ctx, before); err != nil {
		return 0, err
	}
	return before + int64(len(a.rows)), nil
}

// reserve raises the version of the stream, which locks it until the transaction ends.
func (a *appending) reserve(ctx context.Context) (before int64, reserved bool, err error) {
	var n int64
	switch a.expected {
	case Any:
		return a.reserveAny(ctx)
	case NoStream:
		n, err = a.exec(ctx, a.tables.IgnoringConflict(`INTO {events}_streams (stream, version) VALUES (?, ?)`, "stream"), a.stream, len(a.rows))
	default:
		n, err = a.exec(ctx, `UPDATE {events}_streams SET version = version + ? WHERE stream = ? AND version = ?`, len(a.rows), a.stream, a.expected)
	}
	return a.expected, n > 0, err
}

// reserveAny is reserve whatever the version is. It is one statement, since two would have
// a lock for reading first, and two transactions with it would wait for each other.
func (a *appending) reserveAny(ctx context.Context) (before int64, reserved bool, err error) {
	conflict := `ON CONFLICT (stream) DO UPDATE SET version = {events}_streams.version + ?`
	if a.tables.Dialect == dialect.MySQL {
		conflict = `ON DUPLICATE KEY UPDATE version = version + ?`
	}
	if _, err = a.exec(ctx, `INSERT INTO {events}_streams (stream, version) VALUES (?, ?) `+conflict, a.stream, len(a.rows), len(a.rows)); err != nil {
		return 0, false, err
	}
	after, err := a.version(ctx, "")
	return after - int64(len(a.rows)), true, err
}

// giveBack undoes reserve.
func (a *appending) giveBack(ctx context.Context, before int64) error {
	_, err := a.exec(ctx, `UPDATE {events}_streams SET version = ? WHERE stream = ?`, before, a.stream)
	return err
}

// version returns the version of the stream.
func (a *appending) version(ctx context.Context, lock string) (version int64, err error) {
	_, err = a.tables.One(ctx, a.tx, `SELECT version FROM {events}_streams WHERE stream = ?`+lock, []any{a.stream}, &version)
	return version, err
}

// current makes a query read what is committed, where the transaction may see an older state.
func (a *appending) current() string {
	if a.tables.Dialect == dialect.MySQL {
		return " LOCK IN SHARE MODE"
	}
	return ""
}

const (
	maxInsert = 100     // events that one statement inserts
	maxBytes  = 8 << 20 // bytes of events in one statement, and in memory at once; one event may be larger
)

// insert writes the events.
func (a *appending) insert(ctx context.Context, before int64) error {
	position, step, err := a.position(ctx)
	if err != nil {
		return err
	}
	for rows := a.rows; len(rows) > 0; {
		n, size := 0, 0
		var args []any
		for n < min(len(rows), maxInsert) && (n == 0 || size+len(rows[n].text) <= maxBytes) {
			before, position = before+1, position+step
			args = append(args, position, a.stream, before, rows[n].event.ID, rows[n].text)
			size += len(rows[n].text)
			n++
		}
		values := strings.Repeat(", (?, ?, ?, ?, ?, {now})", n)[2:]
		if _, err := a.exec(ctx, `INSERT INTO {events} (position, stream, version, id, event, at) VALUES `+values, args...); err != nil {
			return err
		}
		a.inserted += int64(n)
		rows = rows[n:]
	}
	return nil
}

// position returns the position before that of the first event, and the step from one event to
// the next. In SQLite one transaction writes at a time, so events commit in the order of
// writing. Elsewhere they have the position 0 until [Store.sequence].
func (a *appending) position(ctx context.Context) (before, step int64, err error) {
	if a.tables.Dialect != dialect.SQLite {
		return 0, 0, nil
	}
	var head int64
	_, err = a.tables.One(ctx, a.tx, `UPDATE {events}_head SET position = position + ? WHERE n = 1 RETURNING position`, []any{len(a.rows)}, &head)
	return head - int64(len(a.rows)), 1, err
}

func (a *appending) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	return a.tables.Exec(ctx, a.tx, statement, args...)
}
