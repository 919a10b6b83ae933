package eventstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/backoff"
	"github.com/sinew-go/sinew/internal/ellipsis"
)

// maxReason is the length of the longest reason that is stored, in bytes.
const maxReason = 1024

// projectionPauses are those before an event that failed is tried again.
var projectionPauses = backoff.Policy{Min: 100 * time.Millisecond, Max: 30 * time.Second}

// Run handles events until ctx ends. Of all processes that Run one version of a projection,
// one does; another takes over within Config.Lease after its death, and at once after a
// regular end. A second Run of one Projector waits for the end of the first.
//
// A batch of events and the projection's place after them are one transaction: whatever
// dies when, each event counts once. The projection stands at an event that cannot be
// handled, tries it again with growing pauses of up to 30 s, and logs why: see
// [Store.Projections], and [Store.Skip].
func (p *Projector) Run(ctx context.Context) {
	select {
	case p.running <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer func() { <-p.running }()
	for ctx.Err() == nil {
		if err := p.lease.Lead(ctx, p.follow); err != nil && ctx.Err() == nil {
			p.store.config.Logger.WarnContext(ctx, "the projection has no lease", "projection", p.def.Name, "version", p.def.Version, "error", err)
		}
		rest(ctx, nil, p.store.config.Poll)
	}
}

// follow handles events until ctx ends.
func (p *Projector) follow(ctx context.Context) {
	for pause := time.Duration(0); ctx.Err() == nil; {
		woken := p.store.woke.next()
		more, err := p.step(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			pause = projectionPauses.Next(pause)
			p.store.config.Logger.ErrorContext(ctx, "the projection stands", "projection", p.def.Name, "version", p.def.Version, "pause", pause, "error", err)
			_ = backoff.Wait(ctx, pause)
			continue
		case !more:
			rest(ctx, woken, p.store.config.Poll)
		}
		pause = 0
	}
}

// poison is an event of a batch that cannot be handled.
type poison struct {
	index int
	event Event
	err   error
}

// step handles some events, and reports whether there may be more.
func (p *Projector) step(ctx context.Context) (more bool, err error) {
	at, err := p.checkpoint(ctx, p.store.config.DB)
	if err != nil {
		return false, err
	}
	rows, more, err := p.store.next(ctx, at.position)
	if err != nil || len(rows) == 0 && at.caughtUp {
		return false, err
	}
	done, bad, err := p.apply(ctx, at, rows, !more)
	if bad == nil || err != nil {
		return more || done < len(rows), err
	}
	if bad.index > 0 {
		if done, again, err := p.apply(ctx, at, rows[:bad.index], false); again != nil || err != nil || done < bad.index {
			return true, err // not all events before it
		}
	}
	p.note(ctx, bad)
	return false, fault.FailedPrecondition.Errorf("projection %s cannot handle the event at position %d, version %d of stream %s, of type %s; repair it, or skip the event: %w",
		p.def.Name, bad.event.Position, bad.event.Version, bad.event.Stream, bad.event.Type, bad.err)
}

// errPoison rolls a batch back.
var errPoison = errors.New("an event cannot be handled")

// maxBatchTime is how long a batch grows. While it does, nobody else writes to SQLite, and a
// store with one connection renews no lease.
const maxBatchTime = 250 * time.Millisecond

// apply handles events in one transaction, or none. done is how many, which is not all if
// they take long. isLast is whether there are no more.
func (p *Projector) apply(ctx context.Context, at checkpoint, rows []row, isLast bool) (done int, bad *poison, err error) {
	last, began := at, time.Now()
	if len(rows) > 0 {
		last.position = rows[len(rows)-1].event.Position
	}
	last.caughtUp = at.caughtUp || isLast
	err = p.tables.Within(ctx, func(tx *sql.Tx) error {
		if err := p.move(ctx, tx, at, last); err != nil {
			return err
		}
		for i, r := range rows {
			e, err := p.store.read(r)
			if err == nil {
				err = p.handle(ctx, Effect{Event: e, Tx: tx, tables: p.tables})
			}
			if err != nil {
				bad = &poison{i, e, err}
				return errPoison
			}
			if done = i + 1; done < len(rows) && time.Since(began) > maxBatchTime {
				moved := last
				last.position, last.caughtUp = e.Position, at.caughtUp
				return p.move(ctx, tx, moved, last)
			}
		}
		return nil
	})
	switch {
	case bad != nil && ctx.Err() == nil:
		return 0, bad, nil
	case err == nil:
		p.store.projected.notify()
		if last.caughtUp && !at.caughtUp {
			p.store.config.Logger.InfoContext(ctx, "the projection has caught up", "projection", p.def.Name, "version", p.def.Version, "position", last.position)
		}
	}
	return done, nil, err
}

// move changes how far the projection has come. It fails if another process has.
func (p *Projector) move(ctx context.Context, tx *sql.Tx, from, to checkpoint) error {
	caughtUp := 0
	if to.caughtUp {
		caughtUp = 1
	}
	n, err := p.store.tables.Exec(ctx, tx, `UPDATE {events}_projections SET position = ?, caught_up = ?, failed = 0, failed_at = 0, reason = '' WHERE name = ? AND version = ? AND position = ?`,
		to.position, caughtUp, p.def.Name, p.def.Version, from.position)
	if err == nil && n == 0 {
		err = fault.Aborted.Errorf("projection %s, version %d, is not at position %d: another process has moved it", p.def.Name, p.def.Version, from.position)
	}
	return err
}

// note stores why the projection stands.
func (p *Projector) note(ctx context.Context, bad *poison) {
	reason := strings.ReplaceAll(strings.ToValidUTF8(ellipsis.Cut(bad.err.Error(), maxReason), ""), "\x00", "") // which PostgreSQL has not
	_, err := p.store.tables.Exec(ctx, p.store.config.DB,
		`UPDATE {events}_projections SET failed_at = CASE WHEN failed = ? THEN failed_at ELSE {now} END, failed = ?, reason = ? WHERE name = ? AND version = ? AND position < ?`,
		bad.event.Position, bad.event.Position, reason, p.def.Name, p.def.Version, bad.event.Position)
	if err != nil && ctx.Err() == nil {
		p.store.config.Logger.WarnContext(ctx, "why the projection stands cannot be stored", "projection", p.def.Name, "version", p.def.Version, "error", err)
	}
	p.store.projected.notify()
}

// Apply handles an event in a transaction of the caller, without the projection's place in
// the order of events. It is for tests of a projection.
func (p *Projector) Apply(ctx context.Context, tx *sql.Tx, e Event) error {
	return p.handle(ctx, Effect{Event: e, Tx: tx, tables: p.tables})
}
