package eventbus

import (
	"context"
	"log/slog"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// errStays makes the bus store a dead letter for a later Redrive.
var errStays = fault.Unavailable.Errorf("the dead letter waits for another Redrive").WithUnprocessed()

// replay brings back what a broker has stored, as a member of RedriveGroup. A broker does
// not deliver the events of a partition out of order, so a dead letter that stays is
// published again behind the others.
func (r *redrive) replay(ctx context.Context, bus Replayer) (Redriven, error) {
	begin, handled := make(chan struct{}), make(chan error)
	ending, end := context.WithCancel(ctx)
	stop, err := bus.SubscribeFromStart(r.topic, RedriveGroup, func(ctx context.Context, letter Event) error {
		LogTo(ctx, slog.New(slog.DiscardHandler))
		select {
		case <-begin:
		case <-ending.Done():
		}
		if ending.Err() != nil || letter.Extensions[deadRun] == r.run {
			return errStays
		}
		err := r.handle(ctx, letter)
		select {
		case handled <- err:
		case <-ending.Done():
		}
		return err
	})
	if err != nil {
		end()
		return r.done(), err
	}
	lag, err := bus.Lag(ctx, r.topic, RedriveGroup)
	if err == nil {
		close(begin)
		err = await(ctx, handled, lag.Events)
	}
	end()
	if failed := stop(ctx); err == nil {
		err = failed
	}
	return r.done(), err
}

// await waits until n dead letters are handled, or no more come.
func await(ctx context.Context, handled <-chan error, n int64) error {
	idle := time.NewTimer(redriveIdle)
	defer idle.Stop()
	for ; n > 0; n-- {
		idle.Reset(redriveIdle)
		select {
		case err := <-handled:
			if err != nil {
				return err
			}
		case <-idle.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// handle brings back one dead letter, or publishes it again behind the others.
func (r *redrive) handle(ctx context.Context, letter Event) error {
	switch {
	case !letter.isDeadLetter(r.topic):
		return nil
	case r.isWanted(letter):
		return r.bringBack(ctx, letter)
	}
	stays := letter.WithExtension(deadRun, r.run)
	stays.ID += "." + r.run // or a broker that knows IDs would not store it
	if err := r.bus.Publish(ctx, r.topic, stays); err != nil {
		return err
	}
	r.left.Add(1)
	return nil
}
