package eventstore

import (
	"context"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// Status is how far a version of a projection has come.
type Status struct {
	// Name and Version say which projection it is.
	Name    string
	Version int
	// Position is that of the last event that it has handled. Lag is how many events are
	// behind it, and Delay how long the first of them has been waiting.
	Position, Lag int64
	Delay         time.Duration
	// CaughtUp is whether its tables may be read: it has been at the end once.
	CaughtUp bool
	// Failing is the position of the event at which it stands because it cannot handle it,
	// 0 if there is none; Since when it stands there, and Reason why.
	Failing int64
	Since   time.Time
	Reason  string
	// Skipped is how many events were skipped by hand.
	Skipped int64
}

// Projections returns all versions of all projections that have tables in the database, by
// name and version, those that other programs run as well.
func (s *Store) Projections(ctx context.Context) (all []Status, err error) {
	head, err := s.Position(ctx)
	if err != nil {
		return nil, err
	}
	err = s.tables.Each(ctx, s.querier(), func(scan func(...any) error) (more bool, err error) {
		var p Status
		var caughtUp, since int64
		err = scan(&p.Name, &p.Version, &p.Position, &caughtUp, &p.Skipped, &p.Failing, &since, &p.Reason)
		p.CaughtUp, p.Lag = caughtUp == 1, max(head-p.Position, 0)
		if p.Failing > 0 {
			p.Since = time.UnixMilli(since)
		}
		all = append(all, p)
		return true, err
	}, `SELECT name, version, position, caught_up, skipped, failed, failed_at, reason FROM {events}_projections ORDER BY name, version`)
	for i := range all {
		if err == nil && all[i].Lag > 0 {
			var delay int64
			_, err = s.tables.One(ctx, s.querier(), `SELECT {now} - at FROM {events} WHERE position > ? ORDER BY position LIMIT 1`, []any{all[i].Position}, &delay)
			all[i].Delay = time.Duration(max(delay, 0)) * time.Millisecond
		}
	}
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Skip lets a version of a projection go on after the event at which it stands. It returns
// fault.FailedPrecondition if it does not stand at this position.
func (s *Store) Skip(ctx context.Context, name string, version int, position int64) error {
	n, err := s.tables.Exec(ctx, s.querier(),
		`UPDATE {events}_projections SET position = ?, skipped = skipped + 1, failed = 0, failed_at = 0, reason = '' WHERE name = ? AND version = ? AND failed = ?`,
		position, name, version, position)
	switch {
	case err != nil:
		return err
	case n == 0 || position == 0:
		return fault.FailedPrecondition.Errorf("eventstore %s: version %d of projection %s does not stand at position %d", s.config.Table, version, name, position)
	}
	s.config.Logger.WarnContext(ctx, "an event is skipped", "projection", name, "version", version, "position", position)
	return nil
}
