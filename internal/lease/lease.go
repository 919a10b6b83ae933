// Package lease lets one process at a time do something, by a row of a table in a database
// and by the database's clock.
package lease

import (
	"context"
	"log/slog"
	"time"

	"github.com/sinew-go/sinew/internal/heartbeat"
	"github.com/sinew-go/sinew/internal/tables"
)

// Columns are those of the table with suffix _lease. Each lease is a row of it: see
// [Lease.Create].
const Columns = `name VARCHAR(255) PRIMARY KEY, holder VARCHAR(26) NOT NULL, expires_at BIGINT NOT NULL`

// Minimum is the shortest Duration. A lease is renewed three times as often.
const Minimum = time.Second

// Lease is a right that one process has at a time.
type Lease struct {
	// Tables have the table with suffix _lease.
	Tables *tables.Tables
	// Name is what the lease is for, and Holder who wants it, in at most 26 bytes.
	Name, Holder string
	// Duration is how long after the death of its holder the lease is free.
	Duration time.Duration
	// Logger gets the reasons why a lease is not renewed.
	Logger *slog.Logger
}

// Create creates the row, if it is missing.
func (l *Lease) Create(ctx context.Context) error {
	_, err := l.Tables.Exec(ctx, l.Tables.DB, l.Tables.IgnoringConflict(`INTO `+l.Tables.Word+`_lease (name, holder, expires_at) VALUES (?, '', 0)`, "name"), l.Name)
	return err
}

// Lead calls f while this process has the lease, and does nothing if another has it. The
// context of f ends when ctx does, or when the lease is lost. Lead gives the lease back.
func (l *Lease) Lead(ctx context.Context, f func(ctx context.Context)) error {
	began := time.Now()
	first, cancel := context.WithTimeout(ctx, l.Duration)
	led, err := l.renew(first)
	cancel()
	if !led || err != nil {
		return err
	}
	leading, lose := context.WithCancel(ctx)
	defer lose()
	expiry := time.AfterFunc(l.Duration-time.Since(began), lose)
	defer expiry.Stop()
	ctx = context.WithoutCancel(ctx) // f may go on for a while
	stop := heartbeat.Every(ctx, l.Duration/3, func(ctx context.Context) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(ctx, l.Duration/3)
		defer cancel()
		leads, err := l.renew(ctx)
		switch {
		case err != nil: // the lease ends by itself if this goes on
			l.Logger.WarnContext(ctx, "the lease cannot be renewed", "table", l.Tables.Name, "lease", l.Name, "error", err)
		case !leads:
			lose()
		default:
			expiry.Reset(l.Duration - time.Since(began))
		}
	})
	f(leading)
	stop()
	return l.release(ctx)
}

// renew reports whether this process has the lease from now on.
func (l *Lease) renew(ctx context.Context) (bool, error) {
	n, err := l.Tables.Exec(ctx, l.Tables.DB,
		`UPDATE `+l.Tables.Word+`_lease SET holder = ?, expires_at = {now} + ? WHERE name = ? AND (holder = ? OR expires_at <= {now})`,
		l.Holder, l.Duration.Milliseconds(), l.Name, l.Holder)
	return n > 0, err
}

// release lets another process lead at once.
func (l *Lease) release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := l.Tables.Exec(ctx, l.Tables.DB, `UPDATE `+l.Tables.Word+`_lease SET holder = '', expires_at = 0 WHERE name = ? AND holder = ?`, l.Name, l.Holder)
	return err
}
