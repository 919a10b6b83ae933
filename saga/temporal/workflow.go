package temporal

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	sdk "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/saga/internal/flow"
	"github.com/sinew-go/sinew/saga/internal/report"
)

// input is that of a workflow.
type input struct {
	Run *flow.Run `json:"run"`
	// Started, History and Waits are those of the workflow that this one continues.
	Started time.Time    `json:"started,omitzero"`
	History []flow.Entry `json:"history,omitempty"`
	Noted   note         `json:"noted,omitzero"`
}

const (
	// maxHistory is how many entries of its history a workflow hands over to the one that
	// continues it: the last ones.
	maxHistory = 1000
	// endless is a time limit for what has none. Temporal wants one.
	endless = 10 * 365 * 24 * time.Hour
	// noWorker is who did what no step has.
	noWorker = "temporal"
)

// interpreter is a run within a workflow. All that it does is computed again from the
// history of the workflow, so nothing here may depend on anything else.
type interpreter struct {
	*engine
	plan *flow.Plan
	run  *flow.Run

	history []flow.Entry
	moved   time.Time
	worker  string // of the last result
	noted   note
	calls   []*taskCall // that run, in the order in which they began
	timer   workflow.Future
	due     time.Time // of the timer
	stop    workflow.CancelFunc
	report  bool // there is somebody who counts and logs
}

// taskCall is a call of a step, by an activity.
type taskCall struct {
	task    flow.Task
	done    workflow.Future
	cancel  workflow.CancelFunc
	stopped bool
}

// newInterpreter returns one for a workflow that begins with this input.
func (e *engine) newInterpreter(plan *flow.Plan, in input, now time.Time) *interpreter {
	i := &interpreter{engine: e, plan: plan, run: in.Run, history: in.History, noted: in.Noted, moved: now, worker: noWorker}
	i.run.Started = in.Started
	if in.Started.IsZero() {
		i.run.Started = now
		i.history = []flow.Entry{{Time: now, What: flow.RunStarted}}
	}
	return i
}

// interpret runs until the end of the run. Its result is the last state.
func (i *interpreter) interpret(ctx workflow.Context) (any, error) {
	cancelled := ctx.Done()
	calls, _ := workflow.NewDisconnectedContext(ctx) // a run that is cancelled has steps to undo
	signals := workflow.GetSignalChannel(ctx, signalName)
	for {
		i.receive(ctx, signals)
		if len(i.calls) == 0 && workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return nil, i.continued(ctx)
		}
		todo := i.run.Next(i.plan, workflow.Now(ctx))
		i.log(ctx)
		if i.run.Ended {
			return i.end()
		}
		i.call(calls, todo)
		i.note(ctx, todo)
		i.arm(calls, todo.Wake)
		if i.await(ctx, cancelled, signals) {
			cancelled = nil
		}
	}
}

// receive applies the signals that have come.
func (i *interpreter) receive(ctx workflow.Context, signals workflow.ReceiveChannel) {
	for {
		var g flow.Signal
		if !signals.ReceiveAsync(&g) {
			return
		}
		i.signal(ctx, g)
	}
}

func (i *interpreter) signal(ctx workflow.Context, g flow.Signal) {
	i.worker = noWorker
	i.run.Signal(i.plan, g, workflow.Now(ctx))
	i.log(ctx)
}

// call calls the tasks, and ends the contexts of those that are to stop.
func (i *interpreter) call(ctx workflow.Context, todo flow.Todo) {
	for _, task := range todo.Tasks {
		c := &taskCall{task: task}
		var calling workflow.Context
		calling, c.cancel = workflow.WithCancel(ctx)
		calling = workflow.WithActivityOptions(calling, workflow.ActivityOptions{
			StartToCloseTimeout: endless,
			HeartbeatTimeout:    i.policy.Lease,
			WaitForCancellation: true,                                 // what it returns counts
			RetryPolicy:         &sdk.RetryPolicy{MaximumAttempts: 1}, // the run decides on repeats
		})
		c.done = workflow.ExecuteActivity(calling, activityName(task), order{Header: i.run.Header, Task: task})
		i.calls = append(i.calls, c)
	}
	for _, c := range i.calls {
		if !c.stopped && slices.Contains(todo.Stop, c.task.Path) {
			c.stopped = true
			c.cancel()
		}
	}
}

// arm sets the timer, and stops the one that is set for another time.
func (i *interpreter) arm(ctx workflow.Context, due time.Time) {
	if i.due.Equal(due) {
		return
	}
	if i.stop != nil {
		i.stop()
	}
	i.timer, i.stop, i.due = nil, nil, due
	if !due.IsZero() {
		var timing workflow.Context
		timing, i.stop = workflow.WithCancel(ctx)
		i.timer = workflow.NewTimer(timing, due.Sub(workflow.Now(ctx)))
	}
}

// await waits until something has come, and applies it. It reports whether that was the
// cancellation of the workflow, which is a Cancel of the run.
func (i *interpreter) await(ctx workflow.Context, cancelled, signals workflow.ReceiveChannel) (isCancelled bool) {
	s := workflow.NewSelector(ctx)
	for _, c := range i.calls {
		s.AddFuture(c.done, func(workflow.Future) { i.apply(ctx, c) })
	}
	if i.timer != nil {
		s.AddFuture(i.timer, func(workflow.Future) { i.timer, i.stop, i.due = nil, nil, time.Time{} })
	}
	if cancelled != nil {
		s.AddReceive(cancelled, func(workflow.ReceiveChannel, bool) {
			isCancelled = true
			i.signal(ctx, flow.Signal{Kind: flow.CancelRun})
		})
	}
	s.AddReceive(signals, func(signals workflow.ReceiveChannel, _ bool) {
		var g flow.Signal
		signals.Receive(ctx, &g)
		i.signal(ctx, g)
	})
	s.Select(ctx)
	return isCancelled
}

// apply notes the result of a call.
func (i *interpreter) apply(ctx workflow.Context, c *taskCall) {
	i.calls = slices.DeleteFunc(i.calls, func(other *taskCall) bool { return other == c })
	c.cancel()
	var got outcome
	if err := c.done.Get(ctx, &got); err != nil {
		got = i.lost(c.task, err)
	}
	got.Task = c.task
	i.worker = got.Worker
	if i.worker == "" {
		i.worker = noWorker
	}
	i.run.Apply(i.plan, got.Result, workflow.Now(ctx))
	i.log(ctx)
}

// lost returns what is known of a call that has not returned. If its worker has died, or it
// was cancelled before a worker had it, no attempt counts.
func (i *interpreter) lost(task flow.Task, err error) outcome {
	var timeout *sdk.TimeoutError
	var cancelled *sdk.CanceledError
	if errors.As(err, &timeout) || errors.As(err, &cancelled) {
		return outcome{Result: flow.Result{Interrupted: true}}
	}
	failed := outcome{Result: flow.Result{Failure: &flow.Failure{
		Code: fault.Internal, Text: strings.ToValidUTF8("Temporal has no result of the step: "+err.Error(), ""), Passing: true,
	}}}
	if s := i.plan.Step(task.Path); s != nil {
		failed.Pause = s.Pauses.Longest(task.Pause)
	}
	return failed
}

// log adds to the history what the run has logged.
func (i *interpreter) log(ctx workflow.Context) {
	for _, e := range i.run.History {
		e.Worker = i.worker
		i.history = append(i.history, e)
		i.moved = e.Time
		if i.report && !workflow.IsReplaying(ctx) {
			i.metrics.Count(e)
			report.Log(context.Background(), i.policy.Logger, i.run.Saga, i.run.ID, e)
		}
	}
	i.run.History = nil
}

// continued ends the workflow, whose history has become long, and begins another one.
func (i *interpreter) continued(ctx workflow.Context) error {
	history := i.history[max(0, len(i.history)-maxHistory):]
	return workflow.NewContinueAsNewError(ctx, i.workflowType(), input{Run: i.run, Started: i.run.Started, History: history, Noted: i.noted})
}

// end returns the result of the workflow. That of a run that is undone has failed.
func (i *interpreter) end() (any, error) {
	if i.run.Phase() == flow.Undone {
		cause := i.run.Cause.Err(i.run.Header)
		return nil, sdk.NewNonRetryableApplicationError(cause.Error(), string(flow.Undone), nil, i.run.State)
	}
	return i.run.State, nil
}
