package saga

import (
	"context"
	"time"

	"github.com/sinew-go/sinew/endpoint"
)

// Definition is a saga: steps that run one after the other, each of which can be undone.
// S is its state, which every step gets, and returns for the next one. It is saved as JSON
// after each step.
type Definition[S any] struct {
	// Name names the saga, in the store, in metrics and in idempotency keys.
	Name string
	// Version distinguishes definitions of one saga. 0 is 1. Change it with the steps: a run
	// ends under the version under which it began.
	Version int
	// Earlier are the definitions of which runs may still go on, with their own Version. Name
	// and Earlier of these are not used.
	Earlier []Definition[S]
	// Steps are the steps.
	Steps []Step[S]
	// Retry is for steps without a Retry of their own.
	Retry RetryPolicy
}

// Step is a step of a saga. It has at least one of Do, Event, Pause, Steps and Parallel;
// one with Steps or Parallel has nothing else but a Name and a Pivot.
type Step[S any] struct {
	// Name names the step among those beside it. The path of a step within another one has
	// both names: "ship/label". A name is not empty, and has no slash.
	Name string
	// Do is the work. It may run again, even after it has succeeded: the process may die
	// before that is saved. Its context has an idempotency key, so that a keyed route that
	// it calls runs once; see [WithKey] for several calls of one operation.
	Do endpoint.Endpoint[S, S]
	// Undo takes back what Do did. It is called for each step that may have begun, those
	// that failed included, so it must accept that nothing was done, and it may run again
	// like Do. Without Undo a step is passed over. A failed Undo is repeated, whatever the
	// error, and then parked: see [Runner.Retry] and [Runner.Skip].
	Undo endpoint.Endpoint[S, S]
	// Timeout limits each call of Do and of Undo. Where there is an Event, it limits the wait
	// for it instead: after it Do is called, or the step fails with fault.DeadlineExceeded if
	// it has none. 0 is no limit.
	Timeout time.Duration
	// Pause is how long to wait before the step. The wait survives a restart.
	Pause time.Duration
	// Event makes the step wait for an event: see [On].
	Event Event[S]
	// Pivot says that there is no way back once the step is done. What fails after it is
	// repeated, then parked, and a Cancel is refused. A step in Parallel cannot be one.
	Pivot bool
	// Retry is how a failed Do, or Undo, is repeated. The zero policy is the definition's.
	Retry RetryPolicy
	// Steps are steps that run one after the other, such as a branch of Parallel.
	Steps []Step[S]
	// Parallel are branches that run at the same time, each on its own copy of the state.
	// When all are done, the fields of the state that they have changed are put together, by
	// their names in JSON. If two have changed one field differently, the step fails. After
	// a branch has failed, the contexts of the others end, and all are undone.
	Parallel []Step[S]
}

// Event is what a step waits for. Make one with [On].
type Event[S any] struct {
	apply func(ctx context.Context, state S, event []byte) (S, error)
	check func(event []byte) error
}
