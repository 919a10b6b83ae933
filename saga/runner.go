package saga

import (
	"context"
	"time"
)

// Runner runs the runs of one saga. [New] returns one that keeps them in a [Store]; that of
// package saga/temporal keeps them in Temporal. It is safe for concurrent use.
//
// Deliver, Retry, Skip and Cancel are stored, and the worker of the run applies them, in
// order: they return before that.
type Runner[S any] interface {
	// Run works on runs until ctx ends. Then the contexts of steps that run end, and what they
	// return is saved. Any number of processes may Run; each run has one worker at a time.
	Run(ctx context.Context)
	// Start starts a run. It is durable when Start returns nil. The same ID again is the same
	// run: nil if the state is the same, else fault.AlreadyExists. An ID has 1 to 200 bytes.
	Start(ctx context.Context, id string, state S) error
	// Deliver brings an event to the step with this path. It may come before the run waits
	// for it. A second one, or one that comes too late, is ignored.
	Deliver(ctx context.Context, id, step string, event any) error
	// Get returns a run with its history, or fault.NotFound.
	Get(ctx context.Context, id string) (Run[S], error)
	// Wait waits for the end of a run, or until the steps with these paths are done if there
	// are any. Its error is the Cause of a run that is undone. A parked run has not ended.
	Wait(ctx context.Context, id string, steps ...string) (Run[S], error)
	// Stuck returns runs that need somebody: those that are parked; those that have not moved
	// for age, unless a timer will move them; and those of a version that no definition of
	// this Runner has. The oldest are first, at most limit. They have no history.
	Stuck(ctx context.Context, age time.Duration, limit int) ([]Run[S], error)
	// Retry gives the steps of a run that are parked, or wait for an attempt, all their
	// attempts anew, now.
	Retry(ctx context.Context, id string) error
	// Skip passes over a step that is not done, or its Undo that is not. Its context ends if it
	// runs. A step with steps inside is skipped with all of them.
	Skip(ctx context.Context, id, step string) error
	// Cancel begins the undoing of a run. It returns fault.FailedPrecondition if a pivot is
	// done, or the run has ended.
	Cancel(ctx context.Context, id string) error
}
