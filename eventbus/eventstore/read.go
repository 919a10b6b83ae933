package eventstore

import (
	"context"
	"iter"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/backoff"
)

// maxPage is how many events are read at once.
const maxPage = 512

// Stream returns the events of a stream after a version, which is 0 for all, in order. It
// ends with the last one, or with an error: fault.DataLoss if what is stored cannot be read.
func (s *Store) Stream(ctx context.Context, stream string, after int64) iter.Seq2[Event, error] {
	return s.pages(func() ([]row, bool, error) {
		return s.page(ctx, `SELECT position, stream, version, event FROM {events} WHERE stream = ? AND version > ? ORDER BY version LIMIT ?`, stream, after, maxPage)
	}, func(e Event) { after = e.Version })
}

// All returns the events of all streams after a position, which is 0 for all, in the order of
// their positions. It ends with the last one, or with an error as Stream does. Within a
// transaction it may miss the latest events.
func (s *Store) All(ctx context.Context, after int64) iter.Seq2[Event, error] {
	return s.pages(func() ([]row, bool, error) { return s.next(ctx, after) }, func(e Event) { after = e.Position })
}

// pages yields the events of pages until the last one.
func (s *Store) pages(page func() ([]row, bool, error), seen func(Event)) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for more := true; more; {
			var rows []row
			var err error
			if rows, more, err = page(); err != nil {
				yield(Event{}, err)
				return
			}
			for _, r := range rows {
				e, err := s.read(r)
				if !yield(e, err) || err != nil {
					return
				}
				seen(e)
			}
		}
	}
}

// pauses are those of Follow after failures.
var pauses = backoff.Policy{Min: 100 * time.Millisecond, Max: 5 * time.Second}

// Follow returns the events of all streams after a position, in the order of their positions,
// and then each new one when it is there: at once if this process has appended it, else
// within Config.Poll. No event is skipped, however late its transaction commits.
//
// An error is that of the database, after which a loop that goes on gets the next event
// when the database answers, or fault.DataLoss for an event that cannot be read, after
// which the next event follows. Follow ends when ctx does. Within a transaction it
// is fault.FailedPrecondition.
func (s *Store) Follow(ctx context.Context, after int64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if s.tx != nil {
			yield(Event{}, fault.FailedPrecondition.Errorf("eventstore %s: Follow is called within a transaction, which sees nothing new; call it on the store itself", s.config.Table))
			return
		}
		for pause := time.Duration(0); ctx.Err() == nil; {
			woken := s.woke.next()
			rows, more, err := s.next(ctx, after)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				if !yield(Event{}, err) {
					return
				}
				pause = pauses.Next(pause)
				_ = backoff.Wait(ctx, pause)
				continue
			}
			pause = 0
			for _, r := range rows {
				after = r.event.Position
				if e, err := s.read(r); ctx.Err() != nil || !yield(e, err) {
					return
				}
			}
			if !more {
				rest(ctx, woken, s.config.Poll)
			}
		}
	}
}

// rest waits for d, for woken, or for the end of ctx.
func rest(ctx context.Context, woken <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-woken:
	case <-ctx.Done():
	}
}

// next returns some of the events after a position, and whether there may be more.
func (s *Store) next(ctx context.Context, after int64) (rows []row, more bool, err error) {
	if err := s.sequence(ctx); err != nil {
		return nil, false, err
	}
	return s.page(ctx, `SELECT position, stream, version, event FROM {events} WHERE position > ? ORDER BY position LIMIT ?`, max(after, 0), maxPage)
}

// page returns the rows of a query with the limit maxPage, up to maxBytes, and whether there
// may be more.
func (s *Store) page(ctx context.Context, statement string, args ...any) (rows []row, more bool, err error) {
	size := 0
	err = s.tables.Each(ctx, s.querier(), func(scan func(...any) error) (bool, error) {
		var r row
		if err := scan(&r.event.Position, &r.event.Stream, &r.event.Version, &r.text); err != nil {
			return false, err
		}
		rows = append(rows, r)
		size += len(r.text)
		more = size >= maxBytes
		return !more, nil
	}, statement, args...)
	if err != nil {
		return nil, false, err
	}
	return rows, more || len(rows) == maxPage, nil
}
