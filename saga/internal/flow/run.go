package flow

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// Run is what is known of a run, except for its history. Its methods are not safe for
// concurrent use.
type Run struct {
	Header
	// State is the state of the saga. A branch of parallel ones has its own in its node.
	State json.RawMessage `json:"state"`
	// Origin identifies the state at the start.
	Origin string `json:"origin"`
	// Back says that the run is being undone, or was.
	Back bool `json:"back,omitempty"`
	// Ended says that nothing is left to do.
	Ended bool `json:"ended,omitempty"`
	// Committed says that a pivot is done: there is no way back.
	Committed bool `json:"committed,omitempty"`
	// Cause is why the run is undone.
	Cause *Failure `json:"cause,omitempty"`
	// Nodes are what is known of the steps, by path.
	Nodes map[string]*Node `json:"nodes,omitempty"`
	// Order counts the ends of steps.
	Order int `json:"order,omitempty"`
	// Read is the number of the last signal that was applied, for the engine.
	Read int64 `json:"read,omitempty"`
	// Last is the time of the last entry of the history. No later one is before it, even if
	// another worker's reading of the clock is.
	Last time.Time `json:"last,omitzero"`
	// Started is when the run began. The engine saves it, if it has no clock of its own.
	Started time.Time `json:"-"`
	// History are the entries that the engine has not saved yet. It clears them.
	History []Entry `json:"-"`
}

// Header is what identifies a run, and what travels with it to its steps.
type Header struct {
	Saga    string `json:"saga"`
	ID      string `json:"id"`
	Version int    `json:"version"`
	// RequestID and Trace are those of the call that started the run.
	RequestID string            `json:"request_id,omitempty"`
	Trace     map[string]string `json:"trace,omitempty"`
}

// Node is what is known of one step.
type Node struct {
	// Begun says that the step may have had an effect, Running that it runs, or its Undo.
	Begun   bool `json:"begun,omitempty"`
	Running bool `json:"running,omitempty"`
	Done    bool `json:"done,omitempty"`
	Undone  bool `json:"undone,omitempty"`
	// Skip says that an operator passes the step over, Parked that it waits for one.
	Skip   bool `json:"skip,omitempty"`
	Parked bool `json:"parked,omitempty"`
	// Attempt is how many attempts have failed, and Pause what was waited for before the last.
	Attempt int           `json:"attempt,omitempty"`
	Pause   time.Duration `json:"pause,omitempty"`
	// For is what the step waits for, since Since, until Due. A zero Due is no limit.
	For   Wait      `json:"for,omitempty"`
	Since time.Time `json:"since,omitzero"`
	Due   time.Time `json:"due,omitzero"`
	// Paused says that the pause is over, TimedOut that the event did not come in time.
	Paused   bool `json:"paused,omitempty"`
	TimedOut bool `json:"timed_out,omitempty"`
	// Event is the event that was delivered.
	Event json.RawMessage `json:"event,omitempty"`
	// Order is when the step ended, among the steps of the run.
	Order int `json:"order,omitempty"`
	// Base and State are those of a branch: the state that it began with, and its own.
	Base  json.RawMessage `json:"base,omitempty"`
	State json.RawMessage `json:"state,omitempty"`
}

// Wait is what a step waits for.
type Wait string

// What a step may wait for.
const (
	ForWorker   Wait = "worker" // that calls it
	ForResult   Wait = "result" // of a call
	ForEvent    Wait = "event"
	ForTimer    Wait = "timer"
	ForRetry    Wait = "retry"
	ForOperator Wait = "operator" // the step is parked
)

// Phase is where a run stands.
type Phase string

// The phases.
const (
	Running Phase = "running"
	Undoing Phase = "undoing"
	Done    Phase = "done"
	Undone  Phase = "undone"
	Parked  Phase = "parked"
)

// What is what an entry of the history is about.
type What string

// What an entry may be about. The last ones have no step.
const (
	StepDone        What = "done"
	StepRepeated    What = "repeated" // an attempt has failed, and another one follows
	StepFailed      What = "failed"
	StepInterrupted What = "interrupted"
	StepUndone      What = "undone"
	StepParked      What = "parked"
	StepSkipped     What = "skipped"
	StepTimedOut    What = "timed_out"
	EventDelivered  What = "delivered"
	Joined          What = "joined"
	RunStarted      What = "started"
	RunRetried      What = "retried"
	RunCancelled    What = "cancelled"
	RunDone         What = "run_done"
	RunUndone       What = "run_undone"
	SignalRefused   What = "refused"
)

// Entry is an entry of the history of a run.
type Entry struct {
	Time    time.Time `json:"time"`
	Step    string    `json:"step,omitempty"`
	What    What      `json:"what"`
	Undo    bool      `json:"undo,omitempty"`    // of the Undo of the step
	Attempt int       `json:"attempt,omitempty"` // from 1
	Error   string    `json:"error,omitempty"`
	Worker  string    `json:"worker,omitempty"`
}

// Failure is an error in a form that can be saved.
type Failure struct {
	Code   fault.Code `json:"code"`
	Reason string     `json:"reason,omitempty"`
	Text   string     `json:"text"`
	// Problem is what a caller may see of it; nil if Text is all that there is.
	Problem *fault.Problem `json:"problem,omitempty"`
	// Passing says that another attempt may succeed.
	Passing bool `json:"passing,omitempty"`
	// Step is the step that failed, "" if the run was cancelled.
	Step string `json:"step,omitempty"`
}

// New returns a run that begins with the state.
func New(h Header, state json.RawMessage, now time.Time) *Run {
	r := &Run{Header: h, State: state, Origin: Origin(state), Started: now}
	r.log(now, Entry{What: RunStarted})
	return r
}

// Origin identifies a state.
func Origin(state json.RawMessage) string {
	sum := sha256.Sum256(state)
	return hex.EncodeToString(sum[:16])
}

// Phase returns where the run stands.
func (r *Run) Phase() Phase {
	if r.Ended {
		if r.Back {
			return Undone
		}
		return Done
	}
	for _, n := range r.Nodes {
		if n.Parked {
			return Parked
		}
	}
	if r.Back {
		return Undoing
	}
	return Running
}

// node returns what is known of a step.
func (r *Run) node(s *Step) *Node {
	n := r.Nodes[s.Path]
	if n == nil {
		n = &Node{}
		if r.Nodes == nil {
			r.Nodes = map[string]*Node{}
		}
		r.Nodes[s.Path] = n
	}
	return n
}

// state returns the place of the state that the step works on.
func (r *Run) state(s *Step) *json.RawMessage {
	if b := s.branch(func(around *Step) bool { return !r.node(around).Done }); b != nil {
		return &r.node(b).State
	}
	return &r.State
}

// end notes that the step has ended, whatever the result.
func (r *Run) end(n *Node) {
	r.Order++
	n.Order = r.Order
}

func (r *Run) log(now time.Time, e Entry) {
	if now.Before(r.Last) {
		now = r.Last
	}
	e.Time, r.Last = now, now
	r.History = append(r.History, e)
}

// wait makes the step wait.
func (n *Node) wait(what Wait, now, due time.Time) { n.For, n.Since, n.Due = what, now, due }

// proceed makes the step wait no more.
func (n *Node) proceed() { n.For, n.Since, n.Due = "", time.Time{}, time.Time{} }
