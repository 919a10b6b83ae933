package flow

import (
	"encoding/json"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// Todo is what an engine has to do now.
type Todo struct {
	// Tasks are to be called now, with [Plan.Call]. Next returns each once.
	Tasks []Task
	// Stop are the paths of steps that run and whose contexts are to be cancelled. Their
	// results count all the same.
	Stop []string
	// Wake is when Next is to be called again, at the latest. Zero is: after a result or a
	// signal.
	Wake time.Time
}

// Kind is what a task is.
type Kind string

// The kinds of tasks.
const (
	DoTask    Kind = "do"
	EventTask Kind = "event"
	UndoTask  Kind = "undo"
)

// Task is a call of a function of a step.
type Task struct {
	Path    string          `json:"path"`
	Kind    Kind            `json:"kind"`
	State   json.RawMessage `json:"state"`
	Event   json.RawMessage `json:"event,omitempty"`
	Attempt int             `json:"attempt"` // from 1
	Pause   time.Duration   `json:"pause,omitempty"`
}

// pass is one walk through a plan.
type pass struct {
	*Run
	now      time.Time
	todo     Todo
	hadBegun map[*Node]bool // before the pass, of the steps of todo.Tasks
}

// Next returns what is to be done now. It notes that its tasks run, joins branches, and
// ends waits that are over: save the run before a task is called. After an end it returns
// nothing.
func (r *Run) Next(p *Plan, now time.Time) Todo {
	if r.Ended {
		return Todo{}
	}
	m := &pass{Run: r, now: now, hadBegun: map[*Node]bool{}}
	if !r.Back && m.all(p.Steps) {
		r.Ended = true
		r.log(now, Entry{What: RunDone})
	}
	if r.Back { // a step may have failed during the pass
		m.undo(p)
	}
	return m.todo
}

// all walks a sequence, and reports whether it is done.
func (m *pass) all(steps []*Step) bool {
	for _, s := range steps {
		if !m.step(s) {
			return false
		}
	}
	return true
}

// step walks a step, and reports whether it is done.
func (m *pass) step(s *Step) bool {
	n := m.node(s)
	switch {
	case n.Done:
		return true
	case m.Back:
		return false
	case len(s.Parallel) > 0:
		return m.branches(s, n)
	case len(s.Steps) > 0:
		if m.all(s.Steps) {
			m.complete(s, n)
		}
	default:
		m.leaf(s, n)
	}
	return n.Done
}

// complete notes that the step is done.
func (r *Run) complete(s *Step, n *Node) {
	n.Done, n.Skip, n.Parked = true, false, false
	n.proceed()
	r.end(n)
	r.Committed = r.Committed || s.Pivot
}

// branches walks parallel branches, and joins them when all are done.
func (m *pass) branches(s *Step, n *Node) bool {
	if !n.Begun {
		n.Begun = true
		outer := *m.state(s)
		for _, b := range s.Parallel {
			m.node(b).Base, m.node(b).State = outer, outer
		}
	}
	all := true
	for _, b := range s.Parallel {
		all = m.step(b) && all
	}
	if !all || n.Parked || m.Back {
		return false
	}
	joined, failure := m.join(s, *m.state(s), n.Skip)
	if failure != nil {
		m.fail(s, n, failure, m.now)
		return false
	}
	m.complete(s, n)
	*m.state(s) = joined
	m.dropBranches(s)
	m.log(m.now, Entry{Step: s.Path, What: Joined})
	return true
}

func (r *Run) dropBranches(s *Step) {
	for _, b := range s.Parallel {
		r.node(b).Base, r.node(b).State = nil, nil
	}
}

// leaf finds out what a leaf that is not done waits for.
func (m *pass) leaf(s *Step, n *Node) {
	switch {
	case n.Running:
		m.stopIf(n.Skip, s)
	case n.Skip:
		m.complete(s, n)
		m.log(m.now, Entry{Step: s.Path, What: StepSkipped})
	case n.Parked:
	case s.Pause > 0 && !n.Paused && n.For == "":
		n.wait(ForTimer, m.now, m.now.Add(s.Pause))
		m.wake(n.Due)
	case (n.For == ForTimer || n.For == ForRetry) && m.now.Before(n.Due):
		m.wake(n.Due)
	default:
		n.Paused = n.Paused || n.For == ForTimer
		if n.For != ForEvent {
			n.proceed()
		}
		m.start(s, n)
	}
}

// start starts a leaf that has nothing to wait for but its event.
func (m *pass) start(s *Step, n *Node) {
	switch {
	case s.Event != nil && n.Event != nil:
		m.add(s, n, EventTask)
	case s.Event != nil && !n.TimedOut && !m.isTimedOut(s, n):
	case s.Do != nil:
		m.add(s, n, DoTask)
	case s.Event != nil:
		m.fail(s, n, &Failure{Code: fault.DeadlineExceeded, Text: "the event did not come within " + s.Timeout.String()}, m.now)
	default: // the step is a pause
		m.complete(s, n)
		m.log(m.now, Entry{Step: s.Path, What: StepDone})
	}
}

// isTimedOut reports whether the event of a step comes too late. Otherwise the step waits.
func (m *pass) isTimedOut(s *Step, n *Node) bool {
	if n.For != ForEvent {
		n.wait(ForEvent, m.now, time.Time{})
		if s.Timeout > 0 {
			n.Due = m.now.Add(s.Timeout)
		}
	}
	if n.Due.IsZero() || m.now.Before(n.Due) {
		m.wake(n.Due)
		return false
	}
	n.TimedOut = true
	n.proceed()
	m.log(m.now, Entry{Step: s.Path, What: StepTimedOut})
	return true
}

// add adds a task.
func (m *pass) add(s *Step, n *Node, kind Kind) {
	n.proceed()
	m.hadBegun[n] = n.Begun
	n.Running, n.Begun, n.Since = true, true, m.now
	if kind != UndoTask {
		n.Order = 0
	}
	m.todo.Tasks = append(m.todo.Tasks, Task{Path: s.Path, Kind: kind, State: *m.state(s), Event: n.Event, Attempt: n.Attempt + 1, Pause: n.Pause})
}

// undo walks backwards.
func (m *pass) undo(p *Plan) {
	m.abandon(p)
	if m.isBusy(p) {
		return
	}
	for {
		s := m.lastToUndo(p)
		if s == nil {
			break
		}
		n := m.node(s)
		switch {
		case s.Undo == nil:
			n.Undone = true
			continue
		case n.Running:
			m.stopIf(n.Skip, s)
		case n.Skip:
			n.Undone, n.Skip = true, false
			n.proceed()
			m.log(m.now, Entry{Step: s.Path, What: StepSkipped, Undo: true})
			continue
		case n.Parked:
		case n.For == ForRetry && m.now.Before(n.Due):
			m.wake(n.Due)
		default:
			m.add(s, n, UndoTask)
		}
		return
	}
	m.rejoin(p.Steps)
	m.Ended = true
	m.log(m.now, Entry{What: RunUndone})
}

// abandon removes the tasks of a pass during which a step has failed: they did not begin.
func (m *pass) abandon(p *Plan) {
	for _, t := range m.todo.Tasks {
		n := m.node(p.Step(t.Path))
		n.Running, n.Begun = false, m.hadBegun[n]
		n.proceed()
		if n.Begun {
			m.end(n)
		}
	}
	m.todo = Todo{}
}

// isBusy stops steps that still run forwards, and reports whether there are any.
func (m *pass) isBusy(p *Plan) bool {
	busy := false
	for _, s := range p.leaves {
		if n := m.Nodes[s.Path]; n != nil && n.Running && n.Order == 0 {
			busy = true
			m.todo.Stop = append(m.todo.Stop, s.Path)
		}
	}
	return busy
}

// lastToUndo returns the step that ended last, of those that were not undone.
func (m *pass) lastToUndo(p *Plan) (last *Step) {
	order := 0
	for _, s := range p.leaves {
		if n := m.Nodes[s.Path]; n != nil && n.Begun && !n.Undone && n.Order > order {
			last, order = s, n.Order
		}
	}
	return last
}

// stopIf stops a step that runs.
func (m *pass) stopIf(is bool, s *Step) {
	if is {
		m.todo.Stop = append(m.todo.Stop, s.Path)
	}
}

// wake sets when the next pass is due.
func (m *pass) wake(at time.Time) {
	if !at.IsZero() && (m.todo.Wake.IsZero() || at.Before(m.todo.Wake)) {
		m.todo.Wake = at
	}
}
