package flow

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// SignalKind is what comes from outside to a run.
type SignalKind string

// The kinds of signals.
const (
	DeliverEvent SignalKind = "event"
	RetryRun     SignalKind = "retry"
	SkipStep     SignalKind = "skip"
	CancelRun    SignalKind = "cancel"
)

// Signal comes from outside to a run. It may be applied at any time.
type Signal struct {
	Kind  SignalKind      `json:"kind"`
	Step  string          `json:"step,omitempty"`
	Event json.RawMessage `json:"event,omitempty"`
}

// Signal applies a signal. One that is void, such as an event that comes a second time, or
// a cancellation behind a pivot, changes nothing.
func (r *Run) Signal(p *Plan, g Signal, now time.Time) {
	if r.Ended {
		return
	}
	switch g.Kind {
	case DeliverEvent:
		r.deliver(p.Step(g.Step), g.Event, now)
	case RetryRun:
		r.retry(p, now)
	case SkipStep:
		r.skip(p, g.Step, now)
	case CancelRun:
		r.cancel(now)
	}
}

func (r *Run) deliver(s *Step, event json.RawMessage, now time.Time) {
	if s == nil || s.Event == nil || r.Back {
		return
	}
	n := r.node(s)
	isLate := n.TimedOut && !n.Parked // Do is called instead
	if n.Event == nil && !n.Done && !isLate && !n.Skip {
		n.Event = event
		if n.For == ForEvent || n.TimedOut {
			n.TimedOut, n.Parked = false, false
			n.proceed()
		}
		r.log(now, Entry{Step: s.Path, What: EventDelivered})
	}
}

// retry gives steps that are parked, or wait for an attempt, all their attempts anew, now.
func (r *Run) retry(p *Plan, now time.Time) {
	for _, path := range r.paths() {
		n := r.Nodes[path]
		if !n.Parked && n.For != ForRetry {
			continue
		}
		n.Parked, n.Attempt, n.Pause = false, 0, 0
		if s := p.Step(path); s != nil && !r.Back && s.Event != nil && n.Event == nil {
			n.TimedOut = false // it waits for its event again
		}
		n.proceed()
	}
	r.log(now, Entry{What: RunRetried})
}

// skip passes over the leaves of a step that are not done, or not undone.
func (r *Run) skip(p *Plan, path string, now time.Time) {
	found := false
	for _, s := range p.leaves {
		if !s.isWithin(path) {
			continue
		}
		if n := r.node(s); r.mayBeSkipped(n) {
			n.Skip, n.Parked, found = true, false, true
			if !n.Running {
				n.proceed()
			}
		}
	}
	if s := p.Step(path); s != nil && len(s.Parallel) > 0 && r.node(s).Parked { // its branches contradict each other
		n := r.node(s)
		n.Skip, n.Parked, found = true, false, true
		n.proceed()
	}
	if !found {
		r.log(now, Entry{Step: path, What: SignalRefused, Error: "skip: there is nothing to skip"})
	}
}

func (r *Run) mayBeSkipped(n *Node) bool {
	if r.Back {
		return n.Begun && !n.Undone
	}
	return !n.Done
}

func (r *Run) cancel(now time.Time) {
	switch {
	case r.Back:
	case r.Committed:
		r.log(now, Entry{What: SignalRefused, Error: "cancel: a pivot is done"})
	default:
		r.log(now, Entry{What: RunCancelled})
		r.turnBack(cancelled())
	}
}

// paths returns the paths of the steps of which something is known, in order.
func (r *Run) paths() []string { return slices.Sorted(maps.Keys(r.Nodes)) }
