package outbox

import (
	"context"
	"time"

	"github.com/sinew-go/sinew/internal/heartbeat"
)

// lead calls f while this outbox holds the lease, and does nothing if another holds it. The context
// of f ends when ctx does, or when the lease is lost. lead gives the lease back.
func (o *Outbox) lead(ctx context.Context, f func(ctx context.Context)) error {
	began := time.Now()
	first, cancel := context.WithTimeout(ctx, o.config.Lease)
	led, err := o.renew(first)
	cancel()
	if !led || err != nil {
		return err
	}
	leading, lose := context.WithCancel(ctx)
	defer lose()
	expiry := time.AfterFunc(o.config.Lease-time.Since(began), lose)
	defer expiry.Stop()
	ctx = context.WithoutCancel(ctx) // f may go on for a while
	stop := heartbeat.Every(ctx, o.config.Lease/3, func(ctx context.Context) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(ctx, o.config.Lease/3)
		defer cancel()
		leads, err := o.renew(ctx)
		switch {
		case err != nil: // the lease ends by itself if this goes on
			o.config.Logger.WarnContext(ctx, "the outbox cannot renew its lease", "table", o.config.Table, "error", err)
		case !leads:
			lose()
		default:
			expiry.Reset(o.config.Lease - time.Since(began))
		}
	})
	f(leading)
	stop()
	return o.release(ctx)
}

// renew reports whether this outbox holds the lease from now on.
func (o *Outbox) renew(ctx context.Context) (bool, error) {
	n, err := o.exec(ctx, o.config.DB,
		`UPDATE {outbox}_lease SET holder = ?, expires_at = {now} + ? WHERE n = 1 AND (holder = ? OR expires_at <= {now})`,
		o.holder, o.config.Lease.Milliseconds(), o.holder)
	return n > 0, err
}

// release lets another process lead at once.
func (o *Outbox) release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := o.exec(ctx, o.config.DB, `UPDATE {outbox}_lease SET holder = '', expires_at = 0 WHERE n = 1 AND holder = ?`, o.holder)
	return err
}
