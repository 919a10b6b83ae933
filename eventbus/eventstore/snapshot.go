package eventstore

import (
	"context"
	"encoding/json"
	"reflect"

	"github.com/sinew-go/sinew/fault"
)

// snapshot returns the state of a snapshot and the version of its last event, or the zero
// value and 0 if there is no snapshot of the aggregate's version.
func (a Aggregate[S]) snapshot(ctx context.Context, s *Store, stream string) (state S, version int64, err error) {
	if a.SnapshotEvery == 0 {
		return state, 0, nil
	}
	var text []byte
	found, err := s.tables.One(ctx, s.querier(), `SELECT version, state FROM {events}_snapshots WHERE stream = ? AND state_version = ?`,
		[]any{stream, a.version()}, &version, &text)
	if err != nil || !found {
		return state, 0, err
	}
	if err := json.Unmarshal(text, &state); err != nil { // the events say the same
		s.config.Logger.WarnContext(ctx, "a snapshot cannot be read, and is ignored", "table", s.config.Table, "stream", stream, "error", err)
		var none S
		return none, 0, nil
	}
	return state, version, nil
}

// afterUpdate stores a snapshot if it is time for one. Outside of a transaction its failure
// is not that of the update, which is committed.
func (a Aggregate[S]) afterUpdate(ctx context.Context, s *Store, stream string, state S, version, age int64) error {
	if a.SnapshotEvery == 0 || age < int64(a.SnapshotEvery) {
		return nil
	}
	text, err := snapshotOf(state)
	if err == nil {
		err = a.store(ctx, s, stream, text, version)
		if err != nil && s.tx != nil {
			return err
		}
	}
	if err != nil {
		s.config.Logger.WarnContext(ctx, "a snapshot is not stored", "table", s.config.Table, "stream", stream, "error", err)
	}
	return nil
}

// snapshotOf returns a state as JSON, if JSON loses nothing of it.
func snapshotOf[S any](state S) (text []byte, err error) {
	if text, err = json.Marshal(state); err != nil {
		return nil, err
	}
	var read S
	switch err = json.Unmarshal(text, &read); {
	case err != nil:
		return nil, err
	case !reflect.DeepEqual(read, state):
		return nil, fault.FailedPrecondition.Errorf("the state %T is another one when it is read from its JSON; export its fields, or set no SnapshotEvery", state)
	case len(text) > maxEvent:
		return nil, fault.FailedPrecondition.Errorf("the state %T has %d bytes as JSON, and the limit is %d", state, len(text), maxEvent)
	}
	return text, nil
}

// store writes a snapshot, unless there is a newer one.
func (a Aggregate[S]) store(ctx context.Context, s *Store, stream string, text []byte, version int64) error {
	n, err := s.tables.Exec(ctx, s.querier(), `UPDATE {events}_snapshots SET state_version = ?, version = ?, state = ? WHERE stream = ? AND (state_version <> ? OR version < ?)`,
		a.version(), version, text, stream, a.version(), version)
	if err != nil || n > 0 {
		return err
	}
	_, err = s.tables.Exec(ctx, s.querier(), s.tables.IgnoringConflict(`INTO {events}_snapshots (stream, state_version, version, state) VALUES (?, ?, ?, ?)`, "stream"),
		stream, a.version(), version, text)
	return err
}

func (a Aggregate[S]) version() int { return max(a.Version, 1) }
