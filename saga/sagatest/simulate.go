package sagatest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/saga"
	"github.com/sinew-go/sinew/saga/internal/flow"
)

// simulation is one run of a saga in virtual time.
type simulation struct {
	scenario scenario
	store    *saga.Memory
	cancel   func() // the run, as an operator

	mu     sync.Mutex
	points []point
	counts map[point]int // by kind and name
	kill   func()        // the worker that runs now
}

const (
	runID   = "run"
	tooLong = 365 * 24 * time.Hour
	// maxRetries is how often an operator retries a run that is parked.
	maxRetries = 10
)

// simulate runs a scenario.
func simulate[S any](t *testing.T, w World[S], s scenario) (got outcome) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		m := &simulation{scenario: s, store: saga.NewMemory(), counts: map[point]int{}}
		ctx, cancel := context.WithTimeout(context.Background(), tooLong)
		defer cancel()
		end, err := play(ctx, m, w)
		got.points = m.points
		switch {
		case err != nil:
			got.err = err
		case !isEnd(end.Phase):
			got.err = fmt.Errorf("the run does not end: it is %s, waiting for %+v", end.Phase, end.Waits)
		default:
			if err := w.Check(end); err != nil {
				got.err = fmt.Errorf("the run is %s, but %w", end.Phase, err)
			}
		}
	})
	return got
}

// play starts the run, and workers until it has ended.
func play[S any](ctx context.Context, m *simulation, w World[S]) (saga.Run[S], error) {
	policy := saga.Policy{Logger: slog.New(slog.DiscardHandler), Poll: time.Minute}
	retries := 0
	outside := saga.New(w.Definition, m.store).With(policy)
	m.cancel = func() { _ = outside.Cancel(ctx, runID) } // it may be too late
	if err := outside.Start(ctx, runID, w.State); err != nil {
		return saga.Run[S]{}, err
	}
	for step, event := range w.Events {
		if err := outside.Deliver(ctx, runID, step, event); err != nil {
			return saga.Run[S]{}, err
		}
	}
	for {
		working, kill := context.WithCancel(flow.WithAround(ctx, m.around))
		store := &mortal{Memory: m.store, simulation: m}
		m.mu.Lock()
		m.kill = func() { store.dead.Store(true); kill() }
		m.mu.Unlock()
		var worker sync.WaitGroup
		worker.Go(func() { saga.New(w.Definition, store).With(policy).Run(working) })
		end, err := attend(ctx, working, outside, &retries)
		kill()
		worker.Wait()
		if err != nil || isEnd(end.Phase) {
			return end, err
		}
	}
}

// attend waits until the run has ended, or the worker was killed. It retries what is parked,
// as an operator would.
func attend[S any](ctx, working context.Context, outside *saga.Local[S], retries *int) (saga.Run[S], error) {
	for {
		waiting, cancel := context.WithTimeout(working, time.Hour)
		_, _ = outside.Wait(waiting, runID) // Get says how it ended
		cancel()
		end, err := outside.Get(ctx, runID)
		switch {
		case err != nil:
			return end, fmt.Errorf("the run does not end: %w", err)
		case isEnd(end.Phase) || isOver(working):
			return end, nil
		case end.Phase == saga.Parked && *retries == maxRetries:
			return end, fmt.Errorf("the run does not end: it is parked again after %d Retries", maxRetries)
		case end.Phase == saga.Parked:
			*retries++
			_ = outside.Retry(ctx, runID)
		}
	}
}

func isEnd(p saga.Phase) bool { return p == saga.Done || p == saga.Undone }

// isOver reports whether a worker was killed.
func isOver(working context.Context) bool { return working.Err() != nil }

// pass notes that a point is passed, and returns what goes wrong there.
func (m *simulation) pass(kind pointKind, name string) (a action, goesWrong bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := point{kind: kind, name: name}
	m.counts[p]++
	p.n = m.counts[p]
	m.points = append(m.points, p)
	a, goesWrong = m.scenario[p]
	return a, goesWrong
}

func (m *simulation) killNow() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kill()
}

// around makes calls go wrong.
func (m *simulation) around(t flow.Task, e endpoint.Endpoint[json.RawMessage, json.RawMessage]) endpoint.Endpoint[json.RawMessage, json.RawMessage] {
	kind := doCall
	if t.Kind == flow.UndoTask {
		kind = undoCall
	}
	return func(ctx context.Context, state json.RawMessage) (json.RawMessage, error) {
		if ctx.Err() != nil { // the worker is dead
			return nil, ctx.Err()
		}
		a, goesWrong := m.pass(kind, t.Path)
		if !goesWrong {
			return e(ctx, state)
		}
		switch a {
		case killBefore:
			m.killNow()
			return nil, context.Canceled
		case killAfter:
			_, _ = e(ctx, state)
			m.killNow()
			return nil, context.Canceled
		case failBefore:
			return nil, fault.Unavailable.Errorf("nothing was done")
		case failAfter:
			if _, err := e(ctx, state); err != nil {
				return nil, err
			}
			return nil, fault.Unavailable.Errorf("the answer was lost")
		case refuse:
			return nil, fault.FailedPrecondition.Errorf("refused")
		default:
			m.cancel()
			return e(ctx, state)
		}
	}
}

// sentenceOf says what a save is about.
func sentenceOf(u saga.Update) string {
	var all []string
	for _, e := range u.History {
		what := string(e.What)
		if e.Undo && e.What != flow.StepUndone {
			what += " (Undo)"
		}
		all = append(all, strings.TrimSpace(strings.ReplaceAll(e.Step+" is "+what, "_", " ")))
	}
	if len(all) == 0 {
		return "the run waits"
	}
	return strings.ReplaceAll(strings.Join(all, ", "), " is run ", "the run is ")
}
