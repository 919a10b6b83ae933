package flow_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/saga/internal/flow"
)

// machine drives a run at random, and remembers what an observer of the steps sees.
type machine struct {
	*rapid.T
	plan *flow.Plan
	run  *flow.Run
	now  time.Time

	saved     []byte      // as an engine would have it
	pending   []flow.Task // that were returned and have no result
	hadEffect []string    // steps whose Do had an effect, in that order, each once
	undone    []string    // steps whose Undo succeeded
	skipped   map[string]bool
	committed bool
	turned    bool // a Do was called after an Undo
	undos     bool
}

// drawSteps draws the steps of a plan.
func drawSteps(t *rapid.T, depth int, inParallel bool, next *int) (steps []*flow.Step) {
	for range rapid.IntRange(1, 3).Draw(t, "steps") {
		*next++
		s := &flow.Step{Name: fmt.Sprintf("s%d", *next), Attempts: rapid.IntRange(1, 3).Draw(t, "attempts")}
		switch kind := rapid.IntRange(0, 9).Draw(t, "kind"); {
		case kind == 0 && depth > 0:
			s.Steps = drawSteps(t, depth-1, inParallel, next)
		case kind <= 2 && depth > 0:
			s.Parallel = drawSteps(t, depth-1, true, next)
		default:
			drawLeaf(t, s)
		}
		s.Pivot = !inParallel && rapid.IntRange(0, 4).Draw(t, "pivot") == 0
		steps = append(steps, s)
	}
	return steps
}

func drawLeaf(t *rapid.T, s *flow.Step) {
	effect := func(_ context.Context, state json.RawMessage) (json.RawMessage, error) { return state, nil }
	if rapid.Bool().Draw(t, "undo") {
		s.Undo = effect
	}
	s.Do = effect
	if rapid.IntRange(0, 3).Draw(t, "event") == 0 {
		s.Event = func(_ context.Context, state, _ json.RawMessage) (json.RawMessage, error) { return state, nil }
		if rapid.Bool().Draw(t, "only event") {
			s.Do = nil
		}
	}
	s.Pause = time.Duration(rapid.IntRange(0, 1).Draw(t, "pause")) * time.Second
	s.Timeout = time.Duration(rapid.IntRange(0, 1).Draw(t, "timeout")) * time.Minute
}

func TestARunEndsDoneOrUndoneWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		next := 0
		m := &machine{T: t, plan: flow.NewPlan("s", 1, drawSteps(t, 2, false, &next)), now: time.Unix(0, 0), skipped: map[string]bool{}}
		m.run = flow.New(flow.Header{Saga: "s", ID: "1", Version: 1}, json.RawMessage(`{}`), m.now)
		m.next()
		for i := 0; !m.run.Ended && i < 60; i++ {
			m.act()
		}
		for i := 0; !m.run.Ended; i++ { // from here on everything succeeds
			if i > 1000 {
				t.Fatalf("the run does not end: %+v", m.run)
			}
			m.finish()
		}
		m.checkEnd()
	})
}

// next asks for tasks, and saves.
func (m *machine) next() flow.Todo {
	todo := m.run.Next(m.plan, m.now)
	if len(todo.Tasks) > 0 && m.run.Ended {
		m.Fatal("a run that has ended has tasks")
	}
	if len(m.run.History) > 0 { // as an engine does, which saves nothing before it calls what was next already
		m.save()
	}
	m.pending = append(m.pending, todo.Tasks...)
	return todo
}

func (m *machine) save() {
	text, err := json.Marshal(m.run)
	if err != nil {
		m.Fatal(err)
	}
	m.saved = text
	m.run.History = nil
}

// act does something at random.
func (m *machine) act() {
	switch rapid.IntRange(0, 15).Draw(m.T, "act") {
	case 0:
		m.signal(flow.CancelRun, "")
	case 1, 2, 3:
		m.signal(flow.DeliverEvent, m.anyPath())
	case 4:
		m.signal(flow.RetryRun, "")
	case 5:
		m.signal(flow.SkipStep, m.anyPath())
	case 6:
		m.crash()
	case 7, 8:
		m.now = m.now.Add(time.Duration(rapid.IntRange(1, 100).Draw(m.T, "seconds")) * time.Second)
	default:
		m.call(rapid.SampledFrom([]string{"ok", "ok", "ok", "passing", "refused", "effect and passing", "interrupted", "effect and interrupted"}).Draw(m.T, "outcome"))
	}
	m.next()
}

func (m *machine) anyPath() string { return rapid.SampledFrom(m.plan.Paths()).Draw(m.T, "path") }

func (m *machine) signal(kind flow.SignalKind, path string) {
	if kind == flow.SkipStep {
		for _, p := range m.plan.Paths() {
			if p == path || len(p) > len(path) && p[:len(path)+1] == path+"/" {
				m.skipped[p] = true
			}
		}
	}
	m.run.Signal(m.plan, flow.Signal{Kind: kind, Step: path, Event: json.RawMessage(`1`)}, m.now)
}

// crash drops everything since the last save. Tasks that were called may have had an effect.
func (m *machine) crash() {
	for _, task := range m.pending {
		if rapid.Bool().Draw(m.T, "had an effect") {
			m.effect(task)
		}
	}
	m.pending = nil
	m.run = &flow.Run{}
	if err := json.Unmarshal(m.saved, m.run); err != nil {
		m.Fatal(err)
	}
	m.run.Resume(m.plan, m.now)
}

func (m *machine) effect(t flow.Task) {
	if t.Kind == flow.UndoTask {
		m.undos = true
		return
	}
	m.turned = m.turned || m.undos
	if !slices.Contains(m.hadEffect, t.Path) {
		m.hadEffect = append(m.hadEffect, t.Path)
	}
}

// call gives one of the pending tasks a result.
func (m *machine) call(outcome string) {
	if len(m.pending) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.pending)-1).Draw(m.T, "task")
	task := m.pending[i]
	m.pending = slices.Delete(m.pending, i, i+1)
	result := flow.Result{Task: task, Pause: time.Second}
	if outcome == "ok" || outcome == "effect and passing" || outcome == "effect and interrupted" {
		m.effect(task)
	}
	switch outcome {
	case "ok":
		result.State = task.State
		if task.Kind == flow.UndoTask {
			m.undone = append(m.undone, task.Path)
		}
	case "passing", "effect and passing":
		result.Failure = &flow.Failure{Code: fault.Unavailable, Text: "down", Passing: true}
	case "refused":
		result.Failure = &flow.Failure{Code: fault.FailedPrecondition, Text: "no"}
	default:
		result.Interrupted = true
	}
	m.run.Apply(m.plan, result, m.now)
	for _, p := range m.plan.Paths() {
		if n := m.run.Nodes[p]; n != nil && n.Done && m.plan.Step(p).Pivot {
			m.committed = true
		}
	}
}

// finish makes progress, where an act may not.
func (m *machine) finish() {
	for len(m.pending) > 0 {
		m.call("ok")
	}
	todo := m.next()
	if len(m.pending) > 0 || m.run.Ended {
		return
	}
	if !todo.Wake.IsZero() {
		m.now = todo.Wake
		m.next()
		return
	}
	for _, p := range m.plan.Paths() {
		m.signal(flow.DeliverEvent, p)
	}
	m.signal(flow.RetryRun, "")
	m.next()
}

func (m *machine) checkEnd() {
	if m.turned {
		m.Fatal("a step ran forwards after the undoing had begun")
	}
	if m.run.Phase() == flow.Done {
		if m.undos {
			m.Fatal("a run is done, and an Undo was called")
		}
		for _, p := range m.plan.Paths() {
			if !m.run.Nodes[p].Done {
				m.Fatalf("a run is done, and step %s is not", p)
			}
		}
		return
	}
	if m.committed {
		m.Fatal("a run is undone, and its pivot was done")
	}
	for i, p := range m.undone {
		if slices.Contains(m.undone[i+1:], p) {
			m.Fatalf("step %s is undone twice: %v", p, m.undone)
		}
	}
	for _, p := range m.hadEffect {
		if m.plan.Step(p).Undo != nil && !m.skipped[p] && !slices.Contains(m.undone, p) {
			m.Fatalf("step %s had an effect and is not undone", p)
		}
	}
	for i, p := range m.undone[min(1, len(m.undone)):] {
		if before := m.undone[i]; m.run.Nodes[before].Order < m.run.Nodes[p].Order {
			m.Fatalf("%s is undone before %s, which ended later", before, p)
		}
	}
}
