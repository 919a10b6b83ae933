package flow_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/saga/internal/flow"
)

func Example() {
	step := func(name string, err error) *flow.Step {
		f := func(_ context.Context, state json.RawMessage) (json.RawMessage, error) { return state, err }
		undo := func(_ context.Context, state json.RawMessage) (json.RawMessage, error) { return state, nil }
		return &flow.Step{Name: name, Do: f, Undo: undo, Attempts: 1}
	}
	plan := flow.NewPlan("checkout", 1, []*flow.Step{step("reserve", nil), step("pay", fault.FailedPrecondition.Errorf("declined"))})

	now := time.Unix(0, 0)
	run := flow.New(flow.Header{Saga: "checkout", ID: "o-7", Version: 1}, json.RawMessage(`{}`), now)
	for !run.Ended {
		for _, task := range run.Next(plan, now).Tasks {
			run.Apply(plan, plan.Call(context.Background(), run.Header, task), now)
		}
	}
	for _, e := range run.History {
		fmt.Printf("%s %q %q\n", e.What, e.Step, e.Error)
	}
	// Output:
	// started "" ""
	// done "reserve" ""
	// failed "pay" "failed_precondition: declined"
	// undone "pay" ""
	// undone "reserve" ""
	// run_undone "" ""
}
