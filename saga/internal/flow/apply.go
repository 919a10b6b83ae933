package flow

import (
	"encoding/json"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// Result is what came of a task.
type Result struct {
	Task  Task            `json:"task"`
	State json.RawMessage `json:"state,omitempty"`
	// Failure is nil for a success.
	Failure *Failure `json:"failure,omitempty"`
	// Pause is how long to wait before another attempt.
	Pause time.Duration `json:"pause,omitempty"`
	// Interrupted says that the worker stops: the attempt does not count.
	Interrupted bool `json:"interrupted,omitempty"`
}

// Apply notes the result of a task of [Run.Next].
func (r *Run) Apply(p *Plan, result Result, now time.Time) {
	s := p.Step(result.Task.Path)
	if s == nil || !r.node(s).Running {
		return
	}
	n := r.node(s)
	n.Running = false
	n.proceed()
	if result.Failure == nil && !result.Interrupted {
		*r.state(s) = result.State
	}
	switch undo := result.Task.Kind == UndoTask; {
	case result.Interrupted:
		r.interrupted(s, n, undo, now)
	case undo:
		r.applyUndo(s, n, result, now)
	case result.Failure == nil:
		r.complete(s, n)
		r.log(now, Entry{Step: s.Path, What: StepDone, Attempt: n.Attempt + 1})
		if r.Back && s.Pivot { // nothing was undone while it ran
			r.Back, r.Cause = false, nil
			r.log(now, Entry{What: SignalRefused, Error: "cancel: a pivot is done"})
		}
	case r.Back:
		r.end(n)
		r.logFailure(s, n, StepFailed, result, now)
	case n.Skip: // the next pass does it
	case n.Attempt+1 < s.Attempts && (result.Failure.Passing || r.Committed):
		r.repeat(s, n, result, now)
	default:
		n.Attempt++
		r.fail(s, n, result.Failure, now)
	}
}

func (r *Run) applyUndo(s *Step, n *Node, result Result, now time.Time) {
	switch {
	case result.Failure == nil:
		n.Undone, n.Skip = true, false
		r.log(now, Entry{Step: s.Path, What: StepUndone, Undo: true, Attempt: n.Attempt + 1})
	case n.Skip: // the next pass does it
	case n.Attempt+1 < s.Attempts:
		r.repeat(s, n, result, now)
	default:
		r.logFailure(s, n, StepParked, result, now)
		n.Attempt++
		r.park(n, now)
	}
}

func (r *Run) interrupted(s *Step, n *Node, undo bool, now time.Time) {
	if !undo {
		r.end(n)
	}
	r.log(now, Entry{Step: s.Path, What: StepInterrupted, Undo: undo, Attempt: n.Attempt + 1})
}

// repeat makes the step wait for its next attempt.
func (r *Run) repeat(s *Step, n *Node, result Result, now time.Time) {
	r.logFailure(s, n, StepRepeated, result, now)
	n.Attempt++
	n.Pause = result.Pause
	n.wait(ForRetry, now, now.Add(result.Pause))
}

func (r *Run) logFailure(s *Step, n *Node, what What, result Result, now time.Time) {
	r.log(now, Entry{Step: s.Path, What: what, Undo: result.Task.Kind == UndoTask, Attempt: n.Attempt + 1, Error: result.Failure.Text})
}

// fail ends a step that has failed. Before a pivot that begins the undoing; after it the
// step is parked.
func (r *Run) fail(s *Step, n *Node, failure *Failure, now time.Time) {
	n.proceed()
	e := Entry{Step: s.Path, What: StepFailed, Attempt: n.Attempt, Error: failure.Text}
	if r.Committed {
		e.What = StepParked
		r.log(now, e)
		r.park(n, now)
		return
	}
	r.log(now, e)
	cause := *failure
	cause.Step = s.Path
	r.turnBack(&cause)
}

func (r *Run) park(n *Node, now time.Time) {
	n.Parked = true
	n.wait(ForOperator, now, time.Time{})
}

// turnBack begins the undoing. Steps that run go on until their results are applied.
func (r *Run) turnBack(cause *Failure) {
	r.Back, r.Cause = true, cause
	for _, path := range r.paths() {
		n := r.Nodes[path]
		n.Attempt, n.Pause, n.Skip, n.Parked = 0, 0, false, false
		if n.Running {
			continue
		}
		n.proceed()
		if n.Begun && n.Order == 0 {
			r.end(n)
		}
	}
}

// Resume notes that a worker may have died while it called the tasks of [Run.Next], which
// it may not have saved. What has begun, or may have, is undone if the run is.
func (r *Run) Resume(p *Plan, now time.Time) {
	r.Next(p, now)
	for _, s := range p.leaves {
		if n := r.Nodes[s.Path]; n != nil && n.Running {
			n.Running = false
			n.proceed()
			r.interrupted(s, n, r.Back && n.Order > 0, now)
		}
	}
}

// cancelled is the cause of a run that an operator has cancelled.
func cancelled() *Failure {
	return &Failure{Code: fault.Canceled, Text: "an operator has cancelled the run"}
}
