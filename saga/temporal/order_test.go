package temporal_test

import (
	"context"
	"sync"
	"testing"

	"go.temporal.io/sdk/client"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/saga"
	"github.com/sinew-go/sinew/saga/temporal"
)

// Order is the state of the sagas of these tests.
type Order struct {
	ID    string `json:"id"`
	Cents int    `json:"cents,omitempty"`
	Paid  bool   `json:"paid,omitempty"`
	Text  string `json:"text,omitempty"`
}

// step returns a step that changes nothing.
func step(name string) saga.Step[Order] {
	same := func(_ context.Context, o Order) (Order, error) { return o, nil }
	return saga.Step[Order]{Name: name, Do: same, Undo: same}
}

// gate returns a step that waits for an event.
func gate(name string) saga.Step[Order] {
	return saga.Step[Order]{Name: name, Event: saga.On(func(_ context.Context, o Order, cents int) (Order, error) {
		o.Cents += cents
		return o, nil
	})}
}

// refused returns a step that always fails.
func refused(name string) saga.Step[Order] {
	s := step(name)
	s.Do = func(_ context.Context, o Order) (Order, error) { return o, fault.FailedPrecondition.Errorf("declined") }
	return s
}

func definition(steps ...saga.Step[Order]) saga.Definition[Order] {
	return saga.Definition[Order]{Name: "checkout", Steps: steps}
}

// runner returns a runner, which runs until the end of the test.
func runner(t testing.TB, d saga.Definition[Order], c client.Client, p temporal.Policy) *temporal.Runner[Order] {
	t.Helper()
	r := temporal.New(d, c).With(p)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { r.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return r
}

// withPatience returns a context for what must not take forever.
func withPatience(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	t.Cleanup(cancel)
	return ctx
}

// must fails the test after an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// untilWaiting waits until a step of the run waits for something.
func untilWaiting(t testing.TB, r saga.Runner[Order], id, step, what string) {
	t.Helper()
	ctx := withPatience(t)
	eventually(ctx, t, "step "+step+" waits for "+what, func() bool {
		got, err := r.Get(ctx, id)
		must(t, err)
		for _, w := range got.Waits {
			if w.Step == step && w.For == what {
				return true
			}
		}
		return false
	})
}
