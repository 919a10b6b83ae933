package eventbus

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/contracts"
)

// Topic is the contract of one kind of event: its name and the type T of its data, which
// is encoded as JSON. Declare a Topic once, as a variable of a package that services
// share.
type Topic[T any] struct {
	// Name is the topic, and the Type of its events: "order.placed".
	Name string
	// Key returns the key of an event. Events of one key are handled in order. A nil Key
	// gives no order.
	Key func(T) string
}

// Publish publishes v as an event. It returns fault.InvalidArgument if v has no JSON form
// or is a nil pointer, and otherwise the error of p.
func (t Topic[T]) Publish(ctx context.Context, p Publisher, v T) error {
	if isNil(v) {
		return fault.InvalidArgument.Errorf("topic %s: a nil %T is no event", t.Name, v)
	}
	var key string
	if t.Key != nil {
		key = t.Key(v)
	}
	wrapped := &typedValue[T]{v: v, copier: copierOf(reflect.TypeFor[T]())}
	e := Event{Type: t.Name, Key: key, DataContentType: jsonType}
	m, direct := p.(*Memory)
	if !direct || wrapped.copier == nil || !wrapped.copier.infallible { // a Memory bus encodes it when it is handled
		if err := wrapped.encode(); err != nil {
			return fault.InvalidArgument.Errorf("topic %s: %w", t.Name, err)
		}
		e.Data = wrapped.data
	}
	if wrapped.copier != nil {
		e.value = wrapped
	}
	if direct {
		return m.publish(ctx, t.Name, &e)
	}
	if wrapped.copier != nil {
		wrapped.ensureOwned() // p may pass e on after the caller has changed v
	}
	return p.Publish(ctx, t.Name, e)
}

// Endpoint returns Publish as an endpoint inside the middlewares; the first is the
// outermost. It panics if p is nil.
func (t Topic[T]) Endpoint(p Publisher, mws ...endpoint.Middleware) endpoint.Endpoint[T, endpoint.None] {
	if absent.Is(p) {
		panic("eventbus: topic " + t.Name + ": the publisher is nil")
	}
	return endpoint.New(func(ctx context.Context, v T) (endpoint.None, error) {
		return endpoint.None{}, t.Publish(ctx, p, v)
	}).With(mws...)
}

// Handle calls f for every event, inside the middlewares, as a member of the group, until
// s is closed. The first middleware is the outermost. An event whose data is no T fails
// with fault.InvalidArgument, and a panic in f is fault.Internal; the middlewares see
// both. The error is that of s. Handle panics if s or f is nil.
func (t Topic[T]) Handle(s Subscriber, group string, f func(ctx context.Context, v T) error, mws ...endpoint.Middleware) error {
	_, err := t.Subscribe(s, group, f, mws...)
	return err
}

// Subscribe does what [Topic.Handle] does, and returns the function that ends the
// subscription; see [Subscriber].
func (t Topic[T]) Subscribe(s Subscriber, group string, f func(ctx context.Context, v T) error, mws ...endpoint.Middleware) (stop func(ctx context.Context) error, err error) {
	if absent.Is(s) || f == nil {
		panic("eventbus: topic " + t.Name + ": its subscriber or its handler is nil")
	}
	ep := endpoint.New(func(ctx context.Context, v T) (endpoint.None, error) {
		if failure, ok := ctx.Value(decodeErrorKey{}).(error); ok {
			return endpoint.None{}, failure
		}
		return endpoint.None{}, t.callRecovering(ctx, f, v)
	}).With(mws...)
	return s.Subscribe(t.Name, group, func(ctx context.Context, e Event) error {
		v, err := t.decode(&e)
		if err != nil {
			ctx = context.WithValue(ctx, decodeErrorKey{}, err)
		}
		_, err = ep(ctx, v)
		return err
	})
}

// Describe describes the topic to package apitest, which compares it with what subscribers
// depend on.
func (t Topic[T]) Describe() contracts.Operation {
	return contracts.Operation{
		Kind: contracts.Topic, Name: t.Name, Ordered: t.Key != nil, Event: contracts.Value{Type: reflect.TypeFor[T]()},
	}
}

// callRecovering calls f and turns a panic into an error.
func (t Topic[T]) callRecovering(ctx context.Context, f func(context.Context, T) error, v T) (err error) {
	defer func() {
		if p := recover(); p != nil {
			e, _ := EventOf(ctx)
			err = panicked(ctx, t.Name, e, p)
		}
	}()
	return f(ctx, v)
}

func (t Topic[T]) decode(e *Event) (T, error) {
	if wrapped, ok := e.value.(*typedValue[T]); ok {
		if v, ok := wrapped.claim(e); ok {
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

// isNull reports whether data is JSON's null, which decodes to the zero value of any type
// without an error.
func isNull(data []byte) bool { return string(bytes.TrimSpace(data)) == "null" }

// writesNull reports whether T encodes its zero value as null, as a map does. Then null
// is a valid T.
func (t Topic[T]) writesNull() bool {
	var zero T
	data, err := json.Marshal(&zero)
	return err == nil && isNull(data)
}

// isNil reports whether v is a nil pointer, which no handler expects.
func isNil[T any](v T) bool {
	return reflect.TypeFor[T]().Kind() == reflect.Pointer && reflect.ValueOf(v).IsNil()
}

// decodeErrorKey is the context key of the reason why an event could not be decoded.
type decodeErrorKey struct{}
