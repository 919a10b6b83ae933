package saga

import (
	"context"
	"encoding/json"

	"github.com/sinew-go/sinew/fault"
)

// On makes a step wait for an event, which [Runner.Deliver] brings as JSON: before the step
// or while it waits. The first one counts. f makes the next state of it; like a Do it may
// run again, and what it did can be undone.
func On[S, E any](f func(ctx context.Context, state S, event E) (S, error)) Event[S] {
	if f == nil {
		panic("saga.On: the function is nil")
	}
	decode := func(text []byte) (event E, err error) {
		if err := json.Unmarshal(text, &event); err != nil {
			return event, fault.InvalidArgument.Errorf("the event is not a %T: %w", event, err)
		}
		return event, nil
	}
	return Event[S]{
		apply: func(ctx context.Context, state S, text []byte) (S, error) {
			event, err := decode(text)
			if err != nil {
				return state, err
			}
			return f(ctx, state, event)
		},
		check: func(text []byte) error {
			_, err := decode(text)
			return err
		},
	}
}
