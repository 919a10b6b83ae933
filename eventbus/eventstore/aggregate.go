package eventstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/backoff"
)

// Aggregate says how the state of one thing, such as an order, follows from the events of its
// stream. S is a plain type, whose zero value is the state without events. Declare an
// Aggregate once, as a variable.
type Aggregate[S any] struct {
	// Name is what the things are: "order". The stream of the one with the ID 7 is order/7.
	Name string
	// Folds say what each type of event changes.
	Folds Folds[S]
	// Version is the version of S and Folds, 1 when 0. Raise it when one of them changes:
	// snapshots of other versions are ignored.
	Version int
	// SnapshotEvery is how many events Update lets a stream grow before it stores the state
	// as JSON, so that Load reads only the events after it. When 0 there are no snapshots.
	SnapshotEvery int
}

// Stream returns the name of the stream of the thing with this ID.
func (a Aggregate[S]) Stream(id string) string { return a.Name + "/" + id }

// Load returns the state of the thing with this ID, and the version of its stream: the zero
// value and [NoStream] if it has no event. If the stream has an event that the aggregate
// cannot read, the error is fault.FailedPrecondition where a newer program can (its type
// has no fold, or its version is a later one), and else fault.DataLoss.
func (a Aggregate[S]) Load(ctx context.Context, s *Store, id string) (state S, version int64, err error) {
	state, version, _, err = a.load(ctx, s, id)
	return state, version, err
}

// load is Load, which also says how old the snapshot is, in events.
func (a Aggregate[S]) load(ctx context.Context, s *Store, id string) (state S, version, age int64, err error) {
	a.check()
	stream := a.Stream(id)
	if state, version, err = a.snapshot(ctx, s, stream); err != nil {
		return state, 0, 0, err
	}
	snapshot := version
	for e, err := range s.Stream(ctx, stream, version) {
		if err == nil {
			state, err = a.apply(state, e)
		}
		if err != nil {
			var none S
			return none, 0, 0, err
		}
		version = e.Version
	}
	return state, version, version - snapshot, nil
}

// apply returns the state after an event of the stream.
func (a Aggregate[S]) apply(state S, e Event) (S, error) {
	if a.Folds.of(e.Type) == nil {
		return state, fault.FailedPrecondition.Errorf("aggregate %s: version %d of stream %s is of type %s, which has no fold in this program", a.Name, e.Version, e.Stream, e.Type)
	}
	state, err := a.Folds.Apply(state, e.Event)
	switch {
	case errors.Is(err, fault.FailedPrecondition): // of a later version
		return state, fault.FailedPrecondition.Errorf("aggregate %s: version %d of stream %s: %w", a.Name, e.Version, e.Stream, err)
	case err != nil:
		return state, fault.DataLoss.Errorf("aggregate %s: version %d of stream %s cannot be read: %w", a.Name, e.Version, e.Stream, err)
	}
	return state, nil
}

const maxAttempts = 10 // of one Update

// conflictPauses are those between attempts.
var conflictPauses = backoff.Policy{Min: time.Millisecond, Max: 100 * time.Millisecond}

// Update loads the state of the thing with this ID, and appends what decide publishes, if the
// stream has not changed since. It returns the state after that. If decide publishes
// nothing, nothing is appended. If it returns an error, neither, and that is Update's.
//
// If the stream has changed, all begins anew with the new state, up to ten times: then the
// error is fault.Aborted. So decide must change nothing but what it publishes. Within a
// transaction there is one attempt: repeat the transaction.
func (a Aggregate[S]) Update(ctx context.Context, s *Store, id string, decide func(ctx context.Context, state S, to eventbus.Publisher) error) (S, error) {
	for attempt, pause := 1, time.Duration(0); ; attempt++ {
		state, err := a.try(ctx, s, id, decide)
		if !errors.As(err, new(conflict)) || s.tx != nil || attempt == maxAttempts {
			return state, err
		}
		pause = conflictPauses.Next(pause)
		if backoff.Wait(ctx, pause) != nil {
			return state, err
		}
	}
}

// try is one attempt of Update.
func (a Aggregate[S]) try(ctx context.Context, s *Store, id string, decide func(context.Context, S, eventbus.Publisher) error) (after S, err error) {
	state, version, age, err := a.load(ctx, s, id)
	if err != nil {
		return after, err
	}
	var events []eventbus.Event
	err = decide(ctx, state, publisher(func(_ context.Context, more []eventbus.Event) error {
		for _, e := range more {
			if a.Folds.of(e.Type) == nil {
				return fault.InvalidArgument.Errorf("aggregate %s: the type %s has no fold; add it to Folds with On", a.Name, e.Type)
			}
		}
		events = append(events, more...)
		return nil
	}))
	if err != nil || len(events) == 0 {
		return state, err
	}
	stream := a.Stream(id)
	if _, err := s.Append(ctx, stream, version, events...); err != nil {
		return after, err
	}
	for _, e := range events {
		version++
		if state, err = a.apply(state, Event{Event: e, Stream: stream, Version: version}); err != nil {
			return after, err
		}
	}
	return state, a.afterUpdate(ctx, s, stream, state, version, age+int64(len(events)))
}

// check panics if the aggregate contradicts itself.
func (a Aggregate[S]) check() {
	if a.Name == "" || strings.Contains(a.Name, "/") || a.SnapshotEvery < 0 {
		panic(fmt.Sprintf("eventstore: the aggregate %q has no name, or one with a slash, or a negative SnapshotEvery", a.Name))
	}
	for i, f := range a.Folds {
		if f.apply == nil || slices.ContainsFunc(a.Folds[:i], func(other Fold[S]) bool { return other.topic == f.topic }) {
			panic(fmt.Sprintf("eventstore: aggregate %s: a fold is empty, or there are two of type %s", a.Name, f.topic))
		}
	}
}
