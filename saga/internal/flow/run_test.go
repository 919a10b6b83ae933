package flow_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/saga/internal/flow"
)

func same(_ context.Context, state json.RawMessage) (json.RawMessage, error) { return state, nil }

func begin(steps ...*flow.Step) (*flow.Plan, *flow.Run, time.Time) {
	now := time.Unix(0, 0)
	return flow.NewPlan("s", 1, steps), flow.New(flow.Header{Saga: "s", ID: "1", Version: 1}, json.RawMessage(`{"n":0}`), now), now
}

func paths(todo flow.Todo) (all []string) {
	for _, t := range todo.Tasks {
		all = append(all, string(t.Kind)+" "+t.Path)
	}
	return all
}

func TestACancelWhilePivotRunsIsRefusedIfThePivotIsDone(t *testing.T) {
	plan, run, now := begin(&flow.Step{Name: "pay", Do: same, Undo: same, Pivot: true, Attempts: 1}, &flow.Step{Name: "ship", Do: same, Attempts: 1})
	task := run.Next(plan, now).Tasks[0]
	run.Signal(plan, flow.Signal{Kind: flow.CancelRun}, now)
	if todo := run.Next(plan, now); !slices.Equal(todo.Stop, []string{"pay"}) || len(todo.Tasks) > 0 {
		t.Errorf("after a Cancel %+v is to be done, want to stop pay", todo)
	}
	run.Apply(plan, flow.Result{Task: task, State: task.State}, now)
	if got := paths(run.Next(plan, now)); !slices.Equal(got, []string{"do ship"}) || run.Cause != nil {
		t.Errorf("after the pivot %q is to be done (%v), want ship", got, run.Cause)
	}
}

func TestACancelWhilePivotRunsCountsIfThePivotFails(t *testing.T) {
	plan, run, now := begin(&flow.Step{Name: "pay", Do: same, Undo: same, Pivot: true, Attempts: 5})
	task := run.Next(plan, now).Tasks[0]
	run.Signal(plan, flow.Signal{Kind: flow.CancelRun}, now)
	run.Apply(plan, flow.Result{Task: task, Failure: &flow.Failure{Code: fault.Unavailable, Passing: true}}, now)
	if got := paths(run.Next(plan, now)); !slices.Equal(got, []string{"undo pay"}) {
		t.Errorf("after the pivot %q is to be done, want its Undo", got)
	}
}

func TestWhatMayHaveBegunBeforeACrashIsUndone(t *testing.T) {
	plan, run, now := begin(&flow.Step{Name: "both", Parallel: []*flow.Step{
		{Name: "a", Do: same, Undo: same, Attempts: 1}, {Name: "b", Do: same, Undo: same, Attempts: 1},
		{Name: "c", Pause: time.Hour, Do: same, Undo: same, Attempts: 1},
	}})
	run.Resume(plan, now)
	run.Signal(plan, flow.Signal{Kind: flow.CancelRun}, now)
	var got []string
	for !run.Ended {
		for _, task := range run.Next(plan, now).Tasks {
			got = append(got, task.Path)
			run.Apply(plan, flow.Result{Task: task, State: task.State}, now)
		}
	}
	if want := []string{"both/b", "both/a"}; !slices.Equal(got, want) {
		t.Errorf("undone were %q, want %q: the third one was not due", got, want)
	}
}

func TestWhatWasReleasedHasNotBegun(t *testing.T) {
	plan, run, now := begin(&flow.Step{Name: "a", Do: same, Undo: same, Attempts: 1})
	run.Signal(plan, flow.Signal{Kind: flow.CancelRun}, now)
	if todo := run.Next(plan, now); len(todo.Tasks) > 0 || run.Phase() != flow.Undone {
		t.Errorf("the run is %s with %+v to do, want undone", run.Phase(), todo)
	}
}

func TestNoTwoTasksHaveOneKeyAndEachFitsIntoAHeader(t *testing.T) {
	seen := map[string]string{}
	for _, c := range [][2]string{{"a", "b"}, {"a/b", "c"}, {"a", "b/c"}, {"a", "undo"}, {"a#undo", "b"}, {"ü", "b"}, {"a b", "c"}, {string(make([]byte, 200)), "c"}} {
		var got []string
		note := func(ctx context.Context, state json.RawMessage) (json.RawMessage, error) {
			got = append(got, call.Of(ctx).IdempotencyKey)
			return state, nil
		}
		plan := flow.NewPlan("s", 1, []*flow.Step{{Name: c[1], Do: note, Undo: note}})
		for _, kind := range []flow.Kind{flow.DoTask, flow.UndoTask} {
			plan.Call(t.Context(), flow.Header{Saga: "s", ID: c[0]}, flow.Task{Path: c[1], Kind: kind})
		}
		for i, key := range got {
			what := fmt.Sprintf("%q %d", c, i)
			if other := seen[key]; other != "" || len(key) > 128 || key == "" {
				t.Errorf("the key of %s is %q, which is of %q, or does not fit", what, key, other)
			}
			seen[key] = what
		}
	}
}
