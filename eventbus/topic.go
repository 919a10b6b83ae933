package eventbus

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
)

// Topic is the contract of one kind of event: its name and what it tells. It is
// a value; a package of them is what two services share. T travels as JSON.
type Topic[T any] struct {
	// Name is the topic, and the events' Type: "order.placed".
	Name string
	// Key gives the events that must be handled in order the same key. Nil
	// promises no order.
	Key func(T) string
}

// Publish publishes v. It is fault.InvalidArgument when v has no JSON form, or is
// a nil pointer.
func (t Topic[T]) Publish(ctx context.Context, p Publisher, v T) error {
	if isNil(v) {
		return fault.InvalidArgument.Errorf("topic %s: a nil %T is no event", t.Name, v)
	}
	var key string
	if t.Key != nil {
		key = t.Key(v)
	}
	held := &typed[T]{v: v, copier: copierOf(reflect.TypeFor[T]())}
	e := Event{Type: t.Name, Key: key, DataContentType: jsonType}
	m, direct := p.(*Memory)
	if !direct || held.copier == nil || !held.copier.sure { // else it is encoded when it is handled
		if err := held.encode(); err != nil {
			return fault.InvalidArgument.Errorf("topic %s: %w", t.Name, err)
		}
		e.Data = held.data
	}
	if held.copier != nil {
		e.value = held
	}
	if direct {
		return m.publish(ctx, t.Name, &e)
	}
	if held.copier != nil {
		held.keep() // p may hand e on when v is no more what it was
	}
	return p.Publish(ctx, t.Name, e)
}

// Endpoint is Publish as an endpoint, inside the middlewares, the first
// outermost. It panics when p is nil.
func (t Topic[T]) Endpoint(p Publisher, mws ...endpoint.Middleware) endpoint.Endpoint[T, endpoint.None] {
	if absent.Is(p) {
		panic("eventbus: topic " + t.Name + ": the publisher is nil")
	}
	return endpoint.New(func(ctx context.Context, v T) (endpoint.None, error) {
		return endpoint.None{}, t.Publish(ctx, p, v)
	}).With(mws...)
}

// Handle has f called for every event, inside the middlewares, the first
// outermost, as a member of the group, for as long as s lives. An event that is
// no T fails with fault.InvalidArgument, and a panic in f is fault.Internal: the
// middlewares see both. It panics when s or f is nil.
func (t Topic[T]) Handle(s Subscriber, group string, f func(ctx context.Context, v T) error, mws ...endpoint.Middleware) error {
	_, err := t.Subscribe(s, group, f, mws...)
	return err
}

// Subscribe is Handle with an end: stop is that of [Subscriber].
func (t Topic[T]) Subscribe(s Subscriber, group string, f func(ctx context.Context, v T) error, mws ...endpoint.Middleware) (stop func(ctx context.Context) error, err error) {
	if absent.Is(s) || f == nil {
		panic("eventbus: topic " + t.Name + ": its subscriber or its handler is nil")
	}
	ep := endpoint.New(func(ctx context.Context, v T) (endpoint.None, error) {
		if failure, ok := ctx.Value(undecodedKey{}).(error); ok {
			return endpoint.None{}, failure
		}
		return endpoint.None{}, t.call(ctx, f, v)
	}).With(mws...)
	return s.Subscribe(t.Name, group, func(ctx context.Context, e Event) error {
		v, err := t.decode(&e)
		if err != nil {
			ctx = context.WithValue(ctx, undecodedKey{}, err)
		}
		_, err = ep(ctx, v)
		return err
	})
}

// call has a panic of f seen as an error.
func (t Topic[T]) call(ctx context.Context, f func(context.Context, T) error, v T) (err error) {
	defer func() {
		if p := recover(); p != nil {
			e, _ := EventOf(ctx)
			err = panicked(ctx, t.Name, e, p)
		}
	}()
	return f(ctx, v)
}

func (t Topic[T]) decode(e *Event) (T, error) {
	if held, ok := e.value.(*typed[T]); ok {
		if v, ok := held.take(e); ok {
			return v, nil
		}
	}
	return t.parse(e)
}

func (t Topic[T]) parse(e *Event) (v T, err error) {
	if !e.isJSON() {
		return v, fault.InvalidArgument.Errorf("topic %s: event %s from %s is %s, not JSON", t.Name, e.ID, e.Source, e.DataContentType)
	}
	if isNull(e.Data) && !t.writesNull() {
		return v, fault.InvalidArgument.Errorf("topic %s: event %s from %s is null, no %s", t.Name, e.ID, e.Source, reflect.TypeFor[T]())
	}
	if err := json.Unmarshal(e.Data, &v); err != nil {
		var none T
		return none, fault.InvalidArgument.Errorf("topic %s: event %s from %s: %w", t.Name, e.ID, e.Source, err)
	}
	if isNil(v) {
		return v, fault.InvalidArgument.Errorf("topic %s: event %s from %s is null, no %T", t.Name, e.ID, e.Source, v)
	}
	return v, nil
}

// isNull says that data is JSON's null, which decodes to the zero value of any
// type without an error.
func isNull(data []byte) bool { return string(bytes.TrimSpace(data)) == "null" }

// writesNull says that null is how T writes its zero value, as a map does, so that
// null is a T.
func (t Topic[T]) writesNull() bool {
	var zero T
	data, err := json.Marshal(&zero)
	return err == nil && isNull(data)
}

// isNil reports a pointer to nothing, which no handler expects.
func isNil[T any](v T) bool {
	return reflect.TypeFor[T]().Kind() == reflect.Pointer && reflect.ValueOf(v).IsNil()
}

// undecodedKey has, in the context of an event that is not what its topic says,
// the reason.
type undecodedKey struct{}
