package outbox

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/heartbeat"
)

const (
	lastSend = 5 * time.Second // from the end of the context of Run to that of Run
	cleanUp  = time.Minute     // the pause between two deletions of what is too old
)

// Run sends until ctx ends, and then what was written by then, for 5 s at most. Of all
// processes that Run the outbox, one sends. In each of them Run also deletes what is too
// old. It logs why events wait. A second Run of one Outbox waits for the end of the first.
func (o *Outbox) Run(ctx context.Context) {
	select {
	case o.running <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer func() { <-o.running }()
	var cleaning sync.WaitGroup
	cleaning.Go(func() {
		heartbeat.Until(ctx, cleanUp, func(ctx context.Context) { o.report(ctx, o.Expire(ctx)) })
	})
	defer cleaning.Wait()
	if o.config.Bus == nil {
		<-ctx.Done()
		return
	}
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastSend, cancel) })()
	for ctx.Err() == nil {
		o.report(ctx, o.lease.Lead(late, func(leading context.Context) {
			s := sender{Outbox: o, failing: map[string]pause{}}
			s.run(ctx, leading)
		}))
		o.rest(ctx, nil, o.config.Poll)
	}
}

// rest waits for d, for Wake, or for the end of ctx. It returns early if lost is closed.
func (o *Outbox) rest(ctx context.Context, lost <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-o.wake:
	case <-lost:
	case <-ctx.Done():
	}
}

// report logs why events wait. A closed bus is expected at the end of a process.
func (o *Outbox) report(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil && (errors.Is(err, fault.FailedPrecondition) || errors.Is(err, context.Canceled)) {
		return
	}
	o.config.Logger.WarnContext(ctx, "events wait in the outbox", "table", o.config.Table, "error", err)
}

// Expire deletes what is too old: events that were sent, and those that IsNew forgets. There
// is no need to call it where Run runs, which does it every minute.
func (o *Outbox) Expire(ctx context.Context) error {
	_, err := o.tables.Exec(ctx, o.config.DB, `DELETE FROM {outbox} WHERE sent > 0 AND sent <= {now} - ?`, o.config.Resend.Milliseconds())
	_, failed := o.tables.Exec(ctx, o.config.DB, `DELETE FROM {outbox}_inbox WHERE at <= {now} - ?`, o.config.Remember.Milliseconds())
	return errors.Join(err, failed)
}
