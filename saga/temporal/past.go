package temporal

import (
	"context"
	"errors"
	"log/slog"
	"time"

	common "go.temporal.io/api/common/v1"
	enums "go.temporal.io/api/enums/v1"
	history "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/log"
	sdk "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/saga/internal/flow"
)

// past is what Temporal has of a run.
type past struct {
	run     *flow.Run
	history []flow.Entry
	moved   time.Time
	// ended is why the run has ended from without, and its steps are neither done nor undone.
	ended error

	began  time.Time // the workflow, or the one that continues it
	events int64     // of it
}

// isOver reports whether nothing will move the run.
func (p *past) isOver() bool { return p.run.Ended || p.ended != nil }

// load reads a run out of the history of its workflow, which it computes again. So it needs
// no worker, and nothing is newer. The run is not nil if the history is there and cannot be
// computed; then it is as it began.
func (e *engine) load(ctx context.Context, id string) (*past, error) {
	if err := e.program.CheckID(id); err != nil {
		return nil, err
	}
	var events []*history.HistoryEvent
	all := e.client.GetWorkflowHistory(ctx, e.workflowID(id), "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for all.HasNext() {
		event, err := all.Next()
		if err != nil {
			return nil, e.failure(id, err)
		}
		events = append(events, event)
	}
	if len(events) == 0 {
		return nil, e.program.NotFound(id)
	}
	first, last := events[0], events[len(events)-1]
	var in input
	err := e.policy.DataConverter.FromPayloads(first.GetWorkflowExecutionStartedEventAttributes().GetInput(), &in)
	if err != nil || in.Run == nil {
		return nil, fault.DataLoss.Errorf("saga %s, run %s: the input of its workflow cannot be read; "+
			"is the DataConverter of the Policy that of the client? %w", e.program.Saga, id, err)
	}
	began := first.GetEventTime().AsTime()
	i := e.newInterpreter(e.program.Plan(in.Run.Version), in, began)
	err = e.replay(&i, events)
	p := &past{run: i.run, history: i.history, moved: i.moved, began: began, events: last.GetEventId()}
	if i.plan == nil {
		p.close(e, last)
	}
	p.ended = e.endOf(p.run, last)
	if err != nil {
		err = fault.FailedPrecondition.Errorf("saga %s, run %s: the history of its workflow does not fit version %d; "+
			"give changed Steps another Version: %w", e.program.Saga, id, in.Run.Version, err)
	}
	return p, err
}

// replay replaces the interpreter by one that has computed the history, as far as a worker
// has.
func (e *engine) replay(i **interpreter, events []*history.HistoryEvent) error {
	hasBegun := false
	for _, event := range events {
		hasBegun = hasBegun || event.GetEventType() == enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
	}
	if (*i).plan == nil || !hasBegun {
		return nil
	}
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		DataConverter: e.policy.DataConverter, DisableDeadlockDetection: true, DisableRegistrationAliasing: true,
	})
	if err != nil {
		return err
	}
	var replayed *interpreter
	e.register(replayer, func(i *interpreter) { replayed = i })
	err = replayer.ReplayWorkflowHistory(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), &history.History{Events: events})
	if err == nil && replayed != nil {
		*i = replayed
	}
	return err
}

// close notes how a run of an unknown version has ended, if it has.
func (p *past) close(e *engine, last *history.HistoryEvent) {
	var state *common.Payloads
	switch last.GetEventType() {
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		state = last.GetWorkflowExecutionCompletedEventAttributes().GetResult()
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		failure := last.GetWorkflowExecutionFailedEventAttributes().GetFailure()
		state = failure.GetApplicationFailureInfo().GetDetails()
		p.run.Back, p.run.Cause = true, &flow.Failure{Code: fault.Unknown, Text: failure.GetMessage()}
	default:
		return
	}
	p.run.Ended, p.moved = true, last.GetEventTime().AsTime()
	_ = e.policy.DataConverter.FromPayloads(state, &p.run.State) // else it is that of the beginning
}

// endOf returns why a run has ended that has not by itself.
func (e *engine) endOf(run *flow.Run, last *history.HistoryEvent) error {
	how := ""
	switch last.GetEventType() {
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
		how = "was terminated: " + last.GetWorkflowExecutionTerminatedEventAttributes().GetReason()
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
		how = "has timed out"
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, enums.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		how = "has failed"
	default:
		return nil
	}
	if run.Ended {
		return nil
	}
	return fault.Aborted.Errorf("saga %s, run %s: its workflow %s; its steps are not undone", run.Saga, run.ID, how)
}

// untilMoved waits until a worker has moved a run, or only until its end.
func (e *engine) untilMoved(ctx context.Context, id string, p *past, isAny bool) error {
	if !isAny {
		err := e.client.GetWorkflow(ctx, e.workflowID(id), "").Get(ctx, nil)
		if failed := (*sdk.WorkflowExecutionError)(nil); errors.As(err, &failed) {
			return nil
		}
		return err
	}
	described, err := e.client.DescribeWorkflow(ctx, e.workflowID(id), "")
	if err != nil {
		return err
	}
	latest := described.RawResponse.GetWorkflowExecutionInfo()
	if latest.GetHistoryLength() != p.events || !latest.GetStartTime().AsTime().Equal(p.began) {
		return nil
	}
	events := e.client.GetWorkflowHistory(ctx, e.workflowID(id), latest.GetExecution().GetRunId(), true,
		enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return err
		}
		if event.GetEventId() > p.events && event.GetEventType() == enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			return nil
		}
	}
	return nil // the workflow is over, or another one continues it
}
