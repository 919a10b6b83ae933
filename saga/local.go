package saga

import (
	"context"
	"encoding/json"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/saga/internal/flow"
)

// Local is a [Runner] that keeps the runs in a [Store]. It is also a prometheus.Collector.
// It is safe for concurrent use.
type Local[S any] struct {
	*engine
	store    Store
	isWithin bool // a transaction
}

var _ Runner[struct{}] = (*Local[struct{}])(nil)

// New returns a runner of the saga. It does not use the store. It panics if the definition is
// wrong, and names the step.
func New[S any](d Definition[S], s Store) *Local[S] {
	program := d.Program()
	if absent.Is(s) {
		panic("saga " + d.Name + ": the Store is nil")
	}
	return &Local[S]{engine: newEngine(program, s), store: s}
}

// With sets how the runner works, and returns it. It panics if the policy does not validate.
// Call it before the runner is used.
func (l *Local[S]) With(p Policy) *Local[S] {
	if err := p.Validate(); err != nil {
		panic("saga " + l.program.Saga + ": Policy: " + err.Error())
	}
	l.policy = p.WithDefaults()
	for _, plan := range l.program.Plans {
		plan.Logger = l.policy.Logger
	}
	return l
}

// Using returns the runner with another store for Start, such as [SQL.In]: the run starts if
// the transaction commits. Call Wake after the commit.
func (l *Local[S]) Using(s Store) *Local[S] {
	return &Local[S]{engine: l.engine, store: s, isWithin: true}
}

// Start implements [Runner].
func (l *Local[S]) Start(ctx context.Context, id string, state S) error {
	if err := l.program.CheckID(id); err != nil {
		return err
	}
	text, err := marshal(state)
	if err != nil {
		return l.failure(id, err)
	}
	run := flow.New(l.program.NewHeader(ctx, id), text, time.Time{})
	record := Record{Saga: run.Saga, ID: id, Version: run.Version, Phase: run.Phase()}
	if record.Data, err = json.Marshal(run); err != nil {
		return l.failure(id, err)
	}
	existing, err := l.store.Insert(ctx, record, run.History)
	switch {
	case err != nil:
		return l.failure(id, err)
	case existing == nil:
		if !l.isWithin {
			l.Wake()
		}
		return nil
	}
	before, err := l.decode(existing)
	if err == nil && before.Origin != run.Origin {
		err = fault.AlreadyExists.Errorf("saga %s: run %s exists with another state; give each run an ID of its own", run.Saga, id)
	}
	return err
}

// Deliver implements [Runner].
func (l *Local[S]) Deliver(ctx context.Context, id, step string, event any) error {
	text, err := json.Marshal(event)
	if err != nil {
		return fault.InvalidArgument.Errorf("saga %s, run %s, step %s: the event cannot be written as JSON: %w", l.program.Saga, id, step, err)
	}
	return l.send(ctx, id, flow.Signal{Kind: flow.DeliverEvent, Step: step, Event: text})
}

// Retry implements [Runner].
func (l *Local[S]) Retry(ctx context.Context, id string) error {
	return l.send(ctx, id, flow.Signal{Kind: flow.RetryRun})
}

// Skip implements [Runner].
func (l *Local[S]) Skip(ctx context.Context, id, step string) error {
	return l.send(ctx, id, flow.Signal{Kind: flow.SkipStep, Step: step})
}

// Cancel implements [Runner].
func (l *Local[S]) Cancel(ctx context.Context, id string) error {
	return l.send(ctx, id, flow.Signal{Kind: flow.CancelRun})
}

// Get implements [Runner].
func (l *Local[S]) Get(ctx context.Context, id string) (Run[S], error) {
	record, run, err := l.load(ctx, id)
	if err != nil {
		return Run[S]{}, err
	}
	return l.withHistory(ctx, record, run)
}

func (l *Local[S]) withHistory(ctx context.Context, record *Record, run *flow.Run) (Run[S], error) {
	history, err := l.store.History(ctx, run.Saga, run.ID)
	if err != nil {
		return Run[S]{}, l.failure(run.ID, err)
	}
	return RunOf[S](l.program, run, history, record.Moved), nil
}

// Wait implements [Runner].
func (l *Local[S]) Wait(ctx context.Context, id string, steps ...string) (Run[S], error) {
	changed, stop := l.changes.watch(id, len(steps) == 0)
	defer stop()
	poll := time.NewTicker(l.policy.Poll)
	defer poll.Stop()
	for {
		record, run, err := l.load(ctx, id)
		switch {
		case ctx.Err() != nil: // which a driver may say in its own words
			return Run[S]{}, l.failure(id, ctx.Err())
		case err != nil:
			return Run[S]{}, err
		}
		if err := l.program.CheckSteps(run, steps); err != nil {
			return Run[S]{}, err
		}
		if run.Ended || len(steps) > 0 && run.AreDone(steps) {
			end, err := l.withHistory(ctx, record, run)
			if err == nil && end.Phase == Undone {
				err = end.Cause
			}
			return end, err
		}
		select {
		case <-changed:
		case <-poll.C:
		case <-ctx.Done():
		}
	}
}

// Stuck implements [Runner].
func (l *Local[S]) Stuck(ctx context.Context, age time.Duration, limit int) ([]Run[S], error) {
	records, err := l.store.Stuck(ctx, l.program.Saga, l.program.Versions(), age, max(limit, 0))
	if err != nil {
		return nil, l.failure("", err)
	}
	var stuck []Run[S]
	for _, record := range records {
		run, err := l.decode(&record)
		if err != nil {
			stuck = append(stuck, Run[S]{ID: record.ID, Version: record.Version, Phase: record.Phase, Cause: err, Started: record.Started, Moved: record.Moved})
			continue
		}
		stuck = append(stuck, RunOf[S](l.program, run, nil, record.Moved))
	}
	return stuck, nil
}

// load returns a run.
func (e *engine) load(ctx context.Context, id string) (*Record, *flow.Run, error) {
	record, err := e.store.Get(ctx, e.program.Saga, id)
	switch {
	case err != nil:
		return nil, nil, e.failure(id, err)
	case record == nil:
		return nil, nil, e.program.NotFound(id)
	}
	run, err := e.decode(record)
	return record, run, err
}

// send sends a signal to a run.
func (e *engine) send(ctx context.Context, id string, g flow.Signal) error {
	_, run, err := e.load(ctx, id)
	if err != nil {
		return err
	}
	if isVoid, err := e.program.CheckSignal(run, g); isVoid || err != nil {
		return err
	}
	text, err := json.Marshal(g)
	if err != nil {
		return e.failure(id, err)
	}
	exists, err := e.store.Send(ctx, e.program.Saga, id, text)
	switch {
	case err != nil:
		return e.failure(id, err)
	case !exists:
		return e.program.NotFound(id)
	}
	e.poke(id)
	return nil
}
