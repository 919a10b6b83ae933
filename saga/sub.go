package saga

import (
	"cmp"
	"context"

	"github.com/sinew-go/sinew/endpoint"
)

// Sub returns a step of a saga with state S that runs another saga, whose state C is a part
// of S: get returns that part, and set returns the state with another one. The steps of the
// child become steps inside, with the child's Retry. They are undone with those around them.
func Sub[S, C any](name string, child Definition[C], get func(S) C, set func(S, C) S) Step[S] {
	if get == nil || set == nil {
		panic("saga.Sub: step " + name + ": get or set is nil")
	}
	l := lifter[S, C]{get, set}
	return Step[S]{Name: name, Steps: l.steps(child.Steps, child.Retry)}
}

// lifter makes steps of one state into steps of another one.
type lifter[S, C any] struct {
	get func(S) C
	set func(S, C) S
}

func (l lifter[S, C]) steps(steps []Step[C], retry RetryPolicy) (all []Step[S]) {
	for _, s := range steps {
		retry := cmp.Or(s.Retry, retry)
		all = append(all, Step[S]{
			Name: s.Name, Timeout: s.Timeout, Pause: s.Pause, Pivot: s.Pivot, Retry: retry,
			Do: l.endpoint(s.Do), Undo: l.endpoint(s.Undo), Event: l.event(s.Event),
			Steps: l.steps(s.Steps, retry), Parallel: l.steps(s.Parallel, retry),
		})
	}
	return all
}

func (l lifter[S, C]) endpoint(e endpoint.Endpoint[C, C]) endpoint.Endpoint[S, S] {
	if e == nil {
		return nil
	}
	return func(ctx context.Context, state S) (S, error) {
		part, err := e(ctx, l.get(state))
		if err != nil {
			return state, err
		}
		return l.set(state, part), nil
	}
}

func (l lifter[S, C]) event(e Event[C]) Event[S] {
	if e.apply == nil {
		return Event[S]{}
	}
	return Event[S]{check: e.check, apply: func(ctx context.Context, state S, event []byte) (S, error) {
		part, err := e.apply(ctx, l.get(state), event)
		if err != nil {
			return state, err
		}
		return l.set(state, part), nil
	}}
}
