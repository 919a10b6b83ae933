package eventstore

import (
	"github.com/sinew-go/sinew/eventbus"
)

// Fold says what an event of one type changes in a state of type S; see [On].
type Fold[S any] struct {
	topic string
	apply func(S, eventbus.Event) (S, error)
}

// On returns what events of the topic change: fold returns the state after the event. Events
// of earlier versions are read as the topic says.
func On[S, T any](topic eventbus.Topic[T], fold func(state S, e T) S) Fold[S] {
	return Fold[S]{topic: topic.Name, apply: func(state S, e eventbus.Event) (S, error) {
		v, err := topic.Decode(e)
		if err != nil {
			return state, err
		}
		return fold(state, v), nil
	}}
}

// Folds say what events change in a state of type S.
type Folds[S any] []Fold[S]

// Apply returns the state after the event. An event of a type without a fold changes
// nothing. The errors are those of [eventbus.Topic.Decode].
func (f Folds[S]) Apply(state S, e eventbus.Event) (S, error) {
	if fold := f.of(e.Type); fold != nil {
		return fold.apply(state, e)
	}
	return state, nil
}

// of returns the fold of a type of events, nil if there is none.
func (f Folds[S]) of(topic string) *Fold[S] {
	for i := range f {
		if f[i].topic == topic {
			return &f[i]
		}
	}
	return nil
}
