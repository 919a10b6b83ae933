package temporal

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/saga/internal/flow"
)

// order is the input of an activity.
type order struct {
	Header flow.Header `json:"header"`
	Task   flow.Task   `json:"task"`
}

// outcome is the result of an activity. Its Task is empty: the workflow has it.
type outcome struct {
	flow.Result
	Worker string `json:"worker,omitempty"`
}

// activityName is what Temporal calls the activity of a task.
func activityName(t flow.Task) string {
	if t.Kind == flow.UndoTask {
		return undoName(t.Path)
	}
	return t.Path
}

// undoName is the name of the activity of an Undo. No path of a step ends like this, since
// it would have a slash.
func undoName(path string) string { return path + "/~undo" }

// caller calls the steps of a version.
type caller struct {
	*engine
	plan     *flow.Plan
	stopping context.Context // ends when the worker does
}

// call calls a step. It fails only if Temporal does.
func (c *caller) call(ctx context.Context, o order) (outcome, error) {
	// The deadline of Temporal is none of the step's.
	stepping, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	defer context.AfterFunc(c.stopping, cancel)()
	returned := make(chan struct{})
	defer close(returned)
	go c.beat(ctx, returned)

	got := outcome{Result: c.plan.Call(stepping, o.Header, o.Task), Worker: c.policy.Worker}
	if len(got.State) > c.policy.MaxState {
		got.Failure = flow.FailureOf(ctx, fault.FailedPrecondition.Errorf("%s", c.policy.tooLarge("state", len(got.State))))
		got.State, got.Pause = nil, o.Task.Pause
	}
	got.Task = flow.Task{}
	return got, nil
}

// beat says that the worker lives, until the step has returned.
func (c *caller) beat(ctx context.Context, returned <-chan struct{}) {
	tick := time.NewTicker(c.policy.beat())
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			activity.RecordHeartbeat(ctx)
		case <-returned:
			return
		}
	}
}
