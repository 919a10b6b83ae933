package temporal

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/saga"
	"github.com/sinew-go/sinew/saga/internal/flow"
	"github.com/sinew-go/sinew/saga/internal/report"
)

// Runner is a saga.Runner that keeps the runs in Temporal. It is also a
// prometheus.Collector. It is safe for concurrent use.
type Runner[S any] struct{ *engine }

var _ saga.Runner[struct{}] = (*Runner[struct{}])(nil)

// engine is a Runner, whatever its type.
type engine struct {
	program *flow.Program
	client  client.Client
	policy  Policy
	metrics report.Metrics
}

// New returns a runner of the saga in the namespace of the client. It does not use the
// client. It panics if the definition is wrong, and names the step.
func New[S any](d saga.Definition[S], c client.Client) *Runner[S] {
	program := d.Program()
	if absent.Is(c) {
		panic("saga " + d.Name + ": the client of Temporal is nil")
	}
	return &Runner[S]{&engine{program: program, client: c, policy: Policy{}.WithDefaults(), metrics: report.NewMetrics(program.Saga)}}
}

// With sets how the runner works, and returns it. It panics if the policy does not validate.
// Call it before the runner is used.
func (r *Runner[S]) With(p Policy) *Runner[S] {
	if err := p.Validate(); err != nil {
		panic("saga " + r.program.Saga + ": Policy: " + err.Error())
	}
	r.policy = p.WithDefaults()
	return r
}

// taskTimeout is how long a worker may compute at once. It needs some milliseconds, and
// another one goes on after that if it dies.
const taskTimeout = 5 * time.Second

// signalName is that of all signals to workflows of sagas.
const signalName = "saga"

// workflowType is the type of the saga's workflows.
func (e *engine) workflowType() string { return "saga/" + e.program.Saga }

// workflowID is the ID of the workflow of a run. The name of the saga is quoted, so that no
// two runs have one ID.
func (e *engine) workflowID(id string) string { return url.PathEscape(e.program.Saga) + "/" + id }

// queue is the task queue of a version. Each version has its own, so that a worker gets
// no task of a version that it does not know.
func (e *engine) queue(version int) string { return e.workflowType() + "/" + strconv.Itoa(version) }

// Start implements saga.Runner. An ID is forgotten when the retention period of the
// namespace has passed after the end of its run.
func (r *Runner[S]) Start(ctx context.Context, id string, state S) error {
	if err := r.program.CheckID(id); err != nil {
		return err
	}
	text, err := json.Marshal(state)
	if err != nil {
		return fault.InvalidArgument.Errorf("saga %s, run %s: the state %T cannot be written as JSON: %w", r.program.Saga, id, state, err)
	}
	if len(text) > r.policy.MaxState {
		return fault.InvalidArgument.Errorf("saga %s, run %s: %s", r.program.Saga, id, r.policy.tooLarge("state", len(text)))
	}
	run := flow.New(r.program.NewHeader(ctx, id), text, time.Time{})
	_, err = r.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       r.workflowID(id),
		TaskQueue:                                r.queue(run.Version),
		WorkflowTaskTimeout:                      taskTimeout,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy:                 enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, r.workflowType(), input{Run: run})
	if started := (*serviceerror.WorkflowExecutionAlreadyStarted)(nil); !errors.As(err, &started) {
		return r.failure(id, err)
	}
	existing, err := r.load(ctx, id)
	if err == nil && existing.run.Origin != run.Origin {
		err = fault.AlreadyExists.Errorf("saga %s: run %s exists with another state; give each run an ID of its own", r.program.Saga, id)
	}
	return err
}

// Deliver implements saga.Runner.
func (r *Runner[S]) Deliver(ctx context.Context, id, step string, event any) error {
	text, err := json.Marshal(event)
	if err == nil && len(text) > r.policy.MaxState {
		err = errors.New(r.policy.tooLarge("event", len(text)))
	}
	if err != nil {
		return fault.InvalidArgument.Errorf("saga %s, run %s, step %s: the event cannot be sent: %w", r.program.Saga, id, step, err)
	}
	return r.send(ctx, id, flow.Signal{Kind: flow.DeliverEvent, Step: step, Event: text})
}

// Retry implements saga.Runner.
func (r *Runner[S]) Retry(ctx context.Context, id string) error {
	return r.send(ctx, id, flow.Signal{Kind: flow.RetryRun})
}

// Skip implements saga.Runner.
func (r *Runner[S]) Skip(ctx context.Context, id, step string) error {
	return r.send(ctx, id, flow.Signal{Kind: flow.SkipStep, Step: step})
}

// Cancel implements saga.Runner. To cancel the workflow by other means of Temporal is the same.
func (r *Runner[S]) Cancel(ctx context.Context, id string) error {
	return r.send(ctx, id, flow.Signal{Kind: flow.CancelRun})
}

// send sends a signal to a run.
func (e *engine) send(ctx context.Context, id string, g flow.Signal) error {
	p, err := e.load(ctx, id)
	if err != nil {
		return err
	}
	if isVoid, err := e.program.CheckSignal(p.run, g); isVoid || err != nil {
		return err
	}
	err = e.client.SignalWorkflow(ctx, e.workflowID(id), "", signalName, g)
	if missing := (*serviceerror.NotFound)(nil); errors.As(err, &missing) { // it has ended since
		if g.Kind == flow.DeliverEvent {
			return nil
		}
		return fault.FailedPrecondition.Errorf("saga %s, run %s: %s: the run has ended", e.program.Saga, id, g.Kind)
	}
	return e.failure(id, err)
}

// Get implements saga.Runner. It needs no worker.
func (r *Runner[S]) Get(ctx context.Context, id string) (saga.Run[S], error) {
	p, err := r.load(ctx, id)
	if err != nil {
		return saga.Run[S]{}, err
	}
	return runOf[S](r.program, p), nil
}

// Wait implements saga.Runner.
func (r *Runner[S]) Wait(ctx context.Context, id string, steps ...string) (saga.Run[S], error) {
	for {
		p, err := r.load(ctx, id)
		if err == nil {
			err = r.program.CheckSteps(p.run, steps)
		}
		if err != nil {
			return saga.Run[S]{}, err
		}
		if p.isOver() || len(steps) > 0 && p.run.AreDone(steps) {
			end := runOf[S](r.program, p)
			if p.isOver() {
				return end, end.Cause
			}
			return end, nil
		}
		if err := r.untilMoved(ctx, id, p, len(steps) > 0); err != nil {
			p.history = nil
			return runOf[S](r.program, p), r.failure(id, err)
		}
	}
}

// runOf returns a run as users see it.
func runOf[S any](program *flow.Program, p *past) saga.Run[S] {
	run := saga.RunOf[S](program, p.run, p.history, p.moved)
	if p.ended != nil && run.Cause == nil {
		run.Cause = p.ended
	}
	return run
}
