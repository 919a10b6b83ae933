package temporal

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	sdk "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/saga"
	"github.com/sinew-go/sinew/saga/internal/flow"
)

var discard = slog.New(slog.DiscardHandler)

// numbers is the state of the sagas of this test.
type numbers map[string]int

// world is a saga with the effects of its steps, whose workers die at random.
type world struct {
	*rapid.T
	mu      sync.Mutex
	effects map[string]bool // by idempotency key
	unlucky map[string][]int
	steps   int
}

// What becomes of a call.
const (
	goesWell = iota
	isRepeated
	isRefused
	diesBefore // its worker does
	diesAfter
	outcomes
)

// leaf draws a step. What becomes of its calls is drawn at once, since they may run at the
// same time.
func (w *world) leaf(canBeRefused bool) saga.Step[numbers] {
	w.steps++
	name := fmt.Sprint("s", w.steps)
	last := isRepeated
	if canBeRefused {
		last = isRefused
	}
	draw := func(what string, last int) (all []int) {
		for range rapid.IntRange(0, 2).Draw(w.T, what) {
			fate := rapid.IntRange(0, outcomes-1).Draw(w.T, "fate")
			if fate == isRefused && last < isRefused {
				fate = goesWell
			}
			all = append(all, fate)
		}
		return all
	}
	w.unlucky[name] = draw(name, last)
	w.unlucky[undoName(name)] = draw("undo of "+name, isRepeated)
	do := func(ctx context.Context, n numbers) (numbers, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.effects[call.Of(ctx).IdempotencyKey] = true
		return n, nil
	}
	s := saga.Step[numbers]{Name: name, Do: do, Undo: do}
	if rapid.IntRange(0, 4).Draw(w.T, "pause") == 0 {
		s.Pause = time.Hour
	}
	return s
}

func (w *world) definition() saga.Definition[numbers] {
	d := saga.Definition[numbers]{Name: "checkout", Retry: saga.RetryPolicy{Attempts: 4, Backoff: time.Second}}
	for range rapid.IntRange(1, 3).Draw(w.T, "steps") {
		if rapid.IntRange(0, 2).Draw(w.T, "kind") > 0 {
			d.Steps = append(d.Steps, w.leaf(true))
			continue
		}
		both := saga.Step[numbers]{Name: fmt.Sprint("both", w.steps)}
		for range rapid.IntRange(1, 3).Draw(w.T, "branches") {
			both.Parallel = append(both.Parallel, w.leaf(true))
		}
		d.Steps = append(d.Steps, both)
	}
	return d
}

// fate returns what becomes of the next call of a step.
func (w *world) fate(t flow.Task) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := t.Path[strings.LastIndex(t.Path, "/")+1:]
	if t.Kind == flow.UndoTask {
		name = undoName(name)
	}
	next := w.unlucky[name]
	if len(next) == 0 {
		return goesWell
	}
	w.unlucky[name] = next[1:]
	return next[0]
}

// lossy calls a step, unless its worker dies.
func (w *world) lossy(c *caller) func(ctx context.Context, o order) (outcome, error) {
	died := sdk.NewTimeoutError(enums.TIMEOUT_TYPE_HEARTBEAT, nil)
	failed := func(code fault.Code) (outcome, error) {
		return outcome{Result: flow.Result{Failure: &flow.Failure{Code: code, Passing: code == fault.Unavailable}, Pause: time.Second}}, nil
	}
	return func(ctx context.Context, o order) (outcome, error) {
		fate := w.fate(o.Task)
		if fate == diesBefore {
			return outcome{}, died
		}
		got, err := c.call(ctx, o) // what fails may have had its effect, too
		switch fate {
		case diesAfter:
			return outcome{}, died
		case isRepeated:
			return failed(fault.Unavailable)
		case isRefused:
			return failed(fault.FailedPrecondition)
		}
		return got, err
	}
}

func TestWhateverIsLostARunEndsDoneOrUndone(t *testing.T) {
	c, err := client.NewLazyClient(client.Options{Logger: log.NewStructuredLogger(discard)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	rapid.Check(t, func(t *rapid.T) {
		w := &world{T: t, effects: map[string]bool{}, unlucky: map[string][]int{}}
		r := New(w.definition(), c).With(Policy{Logger: discard})
		plan := r.program.Current()

		var suite testsuite.WorkflowTestSuite
		suite.SetLogger(log.NewStructuredLogger(discard))
		env := suite.NewTestWorkflowEnvironment()
		env.SetTestTimeout(time.Minute)
		var i *interpreter
		r.register(env, func(begun *interpreter) { i = begun })
		r.registerSteps(env, plan, w.lossy(&caller{engine: r.engine, plan: plan, stopping: context.Background()}))
		if rapid.IntRange(0, 2).Draw(t, "cancelled") == 0 {
			after := time.Duration(rapid.IntRange(0, 8000).Draw(t, "milliseconds")) * time.Millisecond
			env.RegisterDelayedCallback(func() { env.SignalWorkflow(signalName, flow.Signal{Kind: flow.CancelRun}) }, after)
		}
		env.ExecuteWorkflow(r.workflowType(), input{Run: flow.New(r.program.NewHeader(t.Context(), "1"), []byte("{}"), time.Time{})})
		if !env.IsWorkflowCompleted() || i == nil || !i.run.Ended {
			t.Fatalf("the run has not ended: %v", env.GetWorkflowError())
		}
		w.check(plan, i.run.Phase())
		if (i.run.Phase() == flow.Done) != (env.GetWorkflowError() == nil) {
			t.Errorf("the run is %s, and the error of its workflow is %v", i.run.Phase(), env.GetWorkflowError())
		}
	})
}

// check checks that the effects are those of a run that has ended like this.
func (w *world) check(plan *flow.Plan, end flow.Phase) {
	for _, path := range plan.Paths() {
		if !plan.Step(path).IsLeaf() {
			continue
		}
		key := "checkout/1/" + strings.ReplaceAll(path, "/", "%2F")
		did, undid := w.effects[key], w.effects[key+"#undo"]
		switch {
		case end == flow.Done && (!did || undid):
			w.Errorf("the run is done; the effect of %s is there: %v, undone: %v", path, did, undid)
		case end == flow.Undone && did && !undid:
			w.Errorf("the run is undone, and the effect of %s is not", path)
		}
	}
}
