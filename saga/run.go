package saga

import (
	"encoding/json"
	"time"

	"github.com/sinew-go/sinew/saga/internal/flow"
)

// Phase is where a run stands.
type Phase = flow.Phase

// The phases. Done and Undone are the ends.
const (
	Running Phase = flow.Running
	Undoing Phase = flow.Undoing
	Done    Phase = flow.Done
	Undone  Phase = flow.Undone
	// Parked is a run of which a step has spent its attempts, an Undo or a step behind a
	// pivot. It waits for [Runner.Retry] or [Runner.Skip].
	Parked Phase = flow.Parked
)

// Run is one run of a saga, as it was when it was read.
type Run[S any] struct {
	ID      string
	Version int
	Phase   Phase
	// State is the state of the saga; while branches run in parallel, without their changes.
	State S
	// Cause is why the run is undone; nil if it is not.
	Cause error
	// Waits are what the run waits for; empty at its end.
	Waits []Wait
	// History is what has happened, in order. [Runner.Stuck] leaves it out.
	History []Entry
	// Started is when the run began, and Moved when it was last saved.
	Started, Moved time.Time
	// DoneSteps are the paths of the steps that are done.
	DoneSteps []string
}

// Wait is what a step of a run waits for.
type Wait struct {
	// Step is the path of the step; "" if the whole run waits for a worker.
	Step string
	// For is "event", "timer", "retry" (the next attempt), "result" (of a call that runs),
	// "operator" (the step is parked), or "worker" (one that knows the run's version).
	For string
	// Since is when the wait began, and Due when it ends. A zero Due is no limit.
	Since, Due time.Time
}

// Entry is an entry of the history of a run. Its What is "done", "repeated", "failed",
// "interrupted", "undone", "parked", "skipped", "timed_out", "delivered" or "joined" of a
// step, and "started", "retried", "cancelled", "refused", "run_done" or "run_undone" of the run.
type Entry = flow.Entry

// RunOf returns a run as users see it, for an engine such as package saga/temporal. moved is
// when it was last saved. A version that the program does not know is waiting for a worker.
func RunOf[S any](program *flow.Program, r *flow.Run, history []Entry, moved time.Time) Run[S] {
	run := Run[S]{ID: r.ID, Version: r.Version, Phase: r.Phase(), History: history, Started: r.Started, Moved: moved}
	_ = json.Unmarshal(r.State, &run.State) // a version that is not known may have another type
	if r.Cause != nil {
		run.Cause = r.Cause.Err(r.Header)
	}
	plan := program.Plan(r.Version)
	if plan == nil {
		run.Waits = []Wait{{For: string(flow.ForWorker), Since: moved}}
		return run
	}
	for _, path := range plan.Paths() {
		n := r.Nodes[path]
		switch {
		case n == nil:
			continue
		case n.Done:
			run.DoneSteps = append(run.DoneSteps, path)
		}
		switch {
		case r.Ended:
		case n.Running:
			run.Waits = append(run.Waits, Wait{Step: path, For: string(flow.ForResult), Since: n.Since})
		case n.For != "":
			run.Waits = append(run.Waits, Wait{Step: path, For: string(n.For), Since: n.Since, Due: n.Due})
		}
	}
	if len(run.Waits) == 0 && !r.Ended {
		run.Waits = []Wait{{For: string(flow.ForWorker), Since: moved}}
	}
	return run
}
