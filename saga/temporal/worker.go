package temporal

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/sinew-go/sinew/internal/backoff"
	"github.com/sinew-go/sinew/saga/internal/flow"
)

// startPauses are those of a worker that cannot start.
var startPauses = backoff.Policy{Min: 100 * time.Millisecond, Max: 5 * time.Second}

const (
	// cacheTimeout is how long a run waits for the worker that worked on it last, since that
	// one need not compute it again.
	cacheTimeout = 5 * time.Second
	// deadlockTimeout is how long a worker may compute without a pause.
	deadlockTimeout = time.Minute
)

// Run implements saga.Runner. While Temporal is away, it tries again.
func (e *engine) Run(ctx context.Context) {
	var working sync.WaitGroup
	defer working.Wait()
	for _, plan := range e.program.Plans {
		working.Go(func() { e.work(ctx, plan) })
	}
}

// work works on the runs of a version until ctx ends.
func (e *engine) work(ctx context.Context, plan *flow.Plan) {
	for pause := time.Duration(0); ctx.Err() == nil; {
		failed := make(chan error, 1)
		w := e.worker(ctx, plan, func(err error) { failed <- err })
		err := w.Start()
		if err == nil {
			pause = 0
			select {
			case err = <-failed:
			case <-ctx.Done():
			}
		}
		w.Stop()
		if ctx.Err() != nil {
			return
		}
		e.policy.Logger.WarnContext(ctx, "runs of a saga wait: the worker has failed", "saga", plan.Saga, "version", plan.Version, "error", e.failure("", err))
		pause = startPauses.Next(pause)
		_ = backoff.Wait(ctx, pause) // the loop asks why it ended
	}
}

// worker returns a worker for a version. Its steps end when ctx does.
func (e *engine) worker(ctx context.Context, plan *flow.Plan, failed func(error)) worker.Worker {
	w := worker.New(e.client, e.queue(plan.Version), worker.Options{
		Identity:                           e.policy.Worker,
		MaxConcurrentActivityExecutionSize: e.policy.Concurrency,
		MaxHeartbeatThrottleInterval:       e.policy.beat(),
		StickyScheduleToStartTimeout:       min(e.policy.Lease, cacheTimeout),
		DeadlockDetectionTimeout:           deadlockTimeout,
		WorkerStopTimeout:                  endless, // their contexts have ended: they are about to return
		OnFatalError:                       failed,
		DisableRegistrationAliasing:        true,
	})
	e.register(w, func(i *interpreter) { i.report = true })
	e.registerSteps(w, plan, (&caller{engine: e, plan: plan, stopping: ctx}).call)
	return w
}

// Register registers the type of the saga's workflows, such as with a
// worker.WorkflowReplayer: a test that replays recorded histories finds out whether the
// definition still fits them.
func (e *engine) Register(r worker.WorkflowRegistry) { e.register(r, func(*interpreter) {}) }

// register registers the type of the workflows, which call begun first.
func (e *engine) register(r worker.WorkflowRegistry, begun func(*interpreter)) {
	r.RegisterWorkflowWithOptions(func(ctx workflow.Context, in input) (any, error) {
		plan := e.program.Plan(in.Run.Version)
		if plan == nil { // somebody else uses the task queue: a panic makes the workflow wait
			panic(fmt.Sprintf("saga %s: no definition has version %d", e.program.Saga, in.Run.Version))
		}
		i := e.newInterpreter(plan, in, workflow.Now(ctx))
		begun(i)
		if err := workflow.SetQueryHandler(ctx, queryName, i.query); err != nil {
			return nil, err
		}
		return i.interpret(ctx)
	}, workflow.RegisterOptions{Name: e.workflowType()})
}

// registerSteps registers the activities of a version.
func (e *engine) registerSteps(r worker.ActivityRegistry, plan *flow.Plan, call func(context.Context, order) (outcome, error)) {
	for _, path := range plan.Paths() {
		s := plan.Step(path)
		if s.Do != nil || s.Event != nil {
			r.RegisterActivityWithOptions(call, activity.RegisterOptions{Name: path})
		}
		if s.Undo != nil {
			r.RegisterActivityWithOptions(call, activity.RegisterOptions{Name: undoName(path)})
		}
	}
}

// queryName is that of the query which Temporal's own tools may ask.
const queryName = "run"

// answer is that of the query.
type answer struct {
	Phase   flow.Phase   `json:"phase"`
	Run     *flow.Run    `json:"run"`
	History []flow.Entry `json:"history"`
}

func (i *interpreter) query() (answer, error) {
	return answer{Phase: i.run.Phase(), Run: i.run, History: i.history}, nil
}
