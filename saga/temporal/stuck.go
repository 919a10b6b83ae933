package temporal

import (
	"context"
	"slices"
	"strings"
	"time"

	enums "go.temporal.io/api/enums/v1"
	listed "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/sinew-go/sinew/saga"
	"github.com/sinew-go/sinew/saga/internal/flow"
)

// Stuck implements saga.Runner. It asks Temporal's list of open workflows, which may be
// some moments behind, and reads those that may be stuck.
func (r *Runner[S]) Stuck(ctx context.Context, age time.Duration, limit int) ([]saga.Run[S], error) {
	var stuck []saga.Run[S]
	if limit <= 0 {
		return nil, nil
	}
	now := time.Now()
	err := r.list(ctx, func(w *listed.WorkflowExecutionInfo) error {
		if !r.mayBeStuck(w, now, age) {
			return nil
		}
		_, id, _ := strings.Cut(w.GetExecution().GetWorkflowId(), "/")
		p, err := r.load(ctx, id)
		if p == nil {
			return err
		}
		run := runOf[S](r.program, p)
		if err != nil { // no worker can compute it
			run.Waits = []saga.Wait{{For: string(flow.ForWorker), Since: p.moved}}
		}
		isUnknown := err != nil || r.program.Plan(run.Version) == nil
		if run.History = nil; !p.isOver() && (isUnknown || isStuck(run, now, age)) {
			stuck = append(stuck, run)
		}
		return nil
	})
	if err != nil {
		return nil, r.failure("", err)
	}
	slices.SortFunc(stuck, func(a, b saga.Run[S]) int { return a.Moved.Compare(b.Moved) })
	return stuck[:min(limit, len(stuck))], nil
}

// list calls f with the open workflows of the saga.
func (e *engine) list(ctx context.Context, f func(*listed.WorkflowExecutionInfo) error) error {
	request := &workflowservice.ListWorkflowExecutionsRequest{Query: e.query("ExecutionStatus = 'Running'")}
	for {
		page, err := e.client.ListWorkflow(ctx, request)
		if err != nil {
			return err
		}
		for _, w := range page.GetExecutions() {
			if err := f(w); err != nil {
				return err
			}
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return nil
		}
	}
}

// query returns a query for workflows of the saga. Its name has no quotes.
func (e *engine) query(condition string) string {
	return "WorkflowType = '" + e.workflowType() + "' AND " + condition
}

// mayBeStuck reports whether a run is worth to be read.
func (e *engine) mayBeStuck(w *listed.WorkflowExecutionInfo, now time.Time, age time.Duration) bool {
	if w.GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return false
	}
	if !slices.ContainsFunc(e.program.Versions(), func(version int) bool { return e.queue(version) == w.GetTaskQueue() }) {
		return true
	}
	n := noteOf(e.policy.DataConverter, w.GetMemo())
	return n.Phase == flow.Parked || !n.Due.After(now) && !w.GetStartTime().AsTime().After(now.Add(-age))
}

// isStuck reports whether a run is that has not ended.
func isStuck[S any](run saga.Run[S], now time.Time, age time.Duration) bool {
	hasTimer := slices.ContainsFunc(run.Waits, func(w saga.Wait) bool { return w.Due.After(now) })
	return run.Phase == saga.Parked || !hasTimer && !run.Moved.After(now.Add(-age))
}
