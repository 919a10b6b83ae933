package eventstore

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/dialect"
	"github.com/sinew-go/sinew/internal/lease"
	"github.com/sinew-go/sinew/internal/tables"
)

// Projector runs a projection of a store, and reads its tables. It is safe for concurrent
// use.
type Projector struct {
	def     Projection
	store   *Store
	tables  *tables.Tables
	lease   *lease.Lease
	running chan struct{} // has one while Run runs
	serves  atomic.Bool   // this version has caught up
}

// Project returns a projector. It does not use the database. It panics if p has no usable
// name, no handler, or two for one type.
func (s *Store) Project(p Projection) *Projector {
	p.check()
	p.Version = max(p.Version, 1)
	all := tablesOf(s, p.Name, p.Version)
	return &Projector{
		def: p, store: &Store{shared: s.shared}, tables: all, running: make(chan struct{}, 1),
		lease: &lease.Lease{Tables: s.tables, Name: all.Name, Holder: s.holder, Duration: s.config.Lease, Logger: s.config.Logger},
	}
}

func tablesOf(s *Store, name string, version int) *tables.Tables {
	return &tables.Tables{DB: s.config.DB, Dialect: s.tables.Dialect, Name: fmt.Sprintf("%s_%d", name, version), Word: "{table}", Owner: "projection"}
}

// Create creates the tables of this version, if it has none. The tables of the store must
// exist. Several instances may call it at once.
func (p *Projector) Create(ctx context.Context) error {
	if err := p.lease.Create(ctx); err != nil {
		return err
	}
	if _, err := p.checkpoint(ctx, p.store.config.DB); fault.CodeOf(err) != fault.FailedPrecondition {
		return err
	}
	create := func(in tables.Querier) error {
		for _, statement := range p.def.Create {
			if _, err := p.tables.Exec(ctx, in, statement); err != nil {
				return err
			}
		}
		_, err := p.store.tables.Exec(ctx, in, p.store.tables.IgnoringConflict(
			`INTO {events}_projections (name, version, position, caught_up, skipped, failed, failed_at, reason) VALUES (?, ?, 0, 0, 0, 0, 0, '')`, "name, version"),
			p.def.Name, p.def.Version)
		return err
	}
	if p.tables.Dialect == dialect.SQLite {
		return p.tables.Within(ctx, func(tx *sql.Tx) error { return create(tx) })
	}
	return p.tables.Creating(ctx, create)
}

// Table returns the name of the table to read, for a statement of your own: that of this
// version once it has caught up, and that of the version before until then.
func (p *Projector) Table(ctx context.Context) (string, error) {
	all, err := p.serving(ctx)
	if err != nil {
		return "", err
	}
	return all.Name, nil
}

// Query reads the tables of the projection. {table} stands for what [Projector.Table]
// returns, and ? for an argument in every database. Where a new version is built, the
// statement has to fit the tables of the one before, too; if it cannot, let the instance be
// ready no sooner than [Projector.Ready].
func (p *Projector) Query(ctx context.Context, statement string, args ...any) (*sql.Rows, error) {
	all, err := p.serving(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := all.DB.QueryContext(ctx, all.Render(statement), args...)
	return rows, all.Failure(err)
}

// serving returns the tables that are read.
func (p *Projector) serving(ctx context.Context) (*tables.Tables, error) {
	if p.serves.Load() {
		return p.tables, nil
	}
	var version sql.NullInt64
	_, err := p.store.tables.One(ctx, p.store.config.DB, `SELECT MAX(version) FROM {events}_projections WHERE name = ? AND version <= ? AND caught_up = 1`,
		[]any{p.def.Name, p.def.Version}, &version)
	switch {
	case err != nil:
		return nil, err
	case !version.Valid:
		return p.tables, nil
	case version.Int64 == int64(p.def.Version):
		p.serves.Store(true)
		return p.tables, nil
	}
	return tablesOf(p.store, p.def.Name, int(version.Int64)), nil
}

// Ready returns nil once this version has caught up, and else fault.Unavailable. It is a
// check for Service.AddReadinessCheck.
func (p *Projector) Ready(ctx context.Context) error {
	at, err := p.checkpoint(ctx, p.store.config.DB)
	if err == nil && !at.caughtUp {
		err = fault.Unavailable.Errorf("projection %s builds version %d, and has come to position %d", p.def.Name, p.def.Version, at.position)
	}
	return err
}

// Wait waits until the projection has handled all events that are appended by now, so that
// who has appended one reads its effect. It returns fault.Unavailable if an event before
// that cannot be handled, and otherwise the error of ctx if that ends first.
func (p *Projector) Wait(ctx context.Context) error {
	until, err := p.store.Position(ctx)
	if err != nil {
		return err
	}
	for {
		further := p.store.projected.next()
		at, err := p.checkpoint(ctx, p.store.config.DB)
		switch {
		case err != nil:
			return err
		case at.position >= until:
			return nil
		case at.failed > 0:
			return fault.Unavailable.Errorf("projection %s, version %d, cannot handle the event at position %d: %s", p.def.Name, p.def.Version, at.failed, at.reason)
		}
		rest(ctx, further, p.store.config.Poll)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// Remove drops the tables of a version, and forgets how far it has come. Let no process run
// that version any more.
func (p *Projector) Remove(ctx context.Context, version int) error {
	if version == p.def.Version {
		p.serves.Store(false)
	}
	all := tablesOf(p.store, p.def.Name, version)
	for _, statement := range p.def.Drop {
		if _, err := all.Exec(ctx, all.DB, statement); err != nil {
			return err
		}
	}
	if _, err := p.store.tables.Exec(ctx, all.DB, `DELETE FROM {events}_projections WHERE name = ? AND version = ?`, p.def.Name, version); err != nil {
		return err
	}
	_, err := p.store.tables.Exec(ctx, all.DB, `DELETE FROM {events}_lease WHERE name = ?`, all.Name)
	return err
}

// checkpoint is how far a projection has come.
type checkpoint struct {
	position, failed int64
	reason           string
	caughtUp         bool
}

// checkpoint returns how far the projection has come, and fault.FailedPrecondition if it has
// no tables.
func (p *Projector) checkpoint(ctx context.Context, in tables.Querier) (at checkpoint, err error) {
	var caughtUp int64
	found, err := p.store.tables.One(ctx, in, `SELECT position, failed, reason, caught_up FROM {events}_projections WHERE name = ? AND version = ?`,
		[]any{p.def.Name, p.def.Version}, &at.position, &at.failed, &at.reason, &caughtUp)
	if err == nil && !found {
		err = fault.FailedPrecondition.Errorf("projection %s has no tables of version %d; call Create", p.def.Name, p.def.Version)
	}
	at.caughtUp = caughtUp == 1
	return at, err
}
