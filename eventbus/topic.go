package eventbus

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/contracts"
)

// Topic is the contract of one kind of event: its name and the type T of its data, which
// is encoded as JSON. Declare a Topic once, as a variable of a package that services
// share.
type Topic[T any] struct {
	// Name is the topic: "order.placed".
	Name string
	// Type is the Type of its events, Name when empty. An event of another type fails, since
	// its data may mean something else. Give the type that other publishers use.
	Type string
	// Key returns the key of an event. Events of one key are handled in order. A nil Key
	// gives no order.
	Key func(T) string
	// Version is the version of T, 1 when 0. Raise it when events of the past cannot be read
	// as a T any more, and add how they are read to Earlier.
	Version int
	// Earlier reads the data of events of earlier versions, by version; see [Upcast].
	Earlier map[int]func(data []byte) (T, error)
}

// DataVersion is the extension of an event with the version of its data. Without it that
// is 1.
const DataVersion = "dataversion"

// Upcast returns a function for [Topic].Earlier, which decodes JSON of the type that a topic
// had before, and makes the topic's type of it.
func Upcast[Old, T any](f func(Old) (T, error)) func(data []byte) (T, error) {
	return func(data []byte) (v T, err error) {
		var old Old
		if err := json.Unmarshal(data, &old); err != nil {
			return v, err
		}
		return f(old)
	}
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
	e := Event{Type: t.eventType(), Key: key, DataContentType: jsonType}
	if t.Version > 1 {
		e.Extensions = map[string]string{DataVersion: strconv.Itoa(t.Version)}
	}
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
// s is closed. The first middleware is the outermost. The middlewares see every failure: an
// event of another type, or whose data is no T, or has an earlier version that Earlier does
// not read, fails with fault.InvalidArgument; one of a later version with
// fault.FailedPrecondition, so that it waits for a handler that reads it; a panic in f is
// fault.Internal. The error is that of s. Handle panics if s or f is nil, or if Earlier has a version that is not before
// Version.
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
	t.checkVersions()
	ep := endpoint.New(func(ctx context.Context, v T) (endpoint.None, error) {
		if failure, ok := ctx.Value(decodeErrorKey{}).(error); ok {
			return endpoint.None{}, failure
		}
		return endpoint.None{}, t.callRecovering(ctx, f, v)
	}).With(mws...)
	of := subscription{t.Name, group}
	return s.Subscribe(t.Name, group, func(ctx context.Context, e Event) error {
		if e.isForOtherGroup(t.Name, group) {
			return nil
		}
		if h := handlingOf(ctx); h != nil && h.of == nil { // a bus that does not say
			h.of = &of
		}
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
	t.checkVersions()
	return contracts.Operation{
		Kind: contracts.Topic, Name: t.Name, Ordered: t.Key != nil, Event: contracts.Value{Type: reflect.TypeFor[T]()},
		Version: t.version(), Earlier: slices.Sorted(maps.Keys(t.Earlier)),
	}
}

// eventType is the Type of the topic's events.
func (t Topic[T]) eventType() string { return cmp.Or(t.Type, t.Name) }

// version is the version of T.
func (t Topic[T]) version() int { return max(t.Version, 1) }

// checkVersions panics if the versions contradict each other.
func (t Topic[T]) checkVersions() {
	for version, read := range t.Earlier {
		if version < 1 || version >= t.version() || read == nil {
			panic(fmt.Sprintf("eventbus: topic %s: Earlier[%d] is nil, or not before Version %d", t.Name, version, t.version()))
		}
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

// Decode returns the data of an event of the topic. An event of another type, or whose data
// is no T, or has an earlier version that Earlier does not read, is fault.InvalidArgument;
// one of a later version is fault.FailedPrecondition.
func (t Topic[T]) Decode(e Event) (T, error) { return t.decode(&e) }

func (t Topic[T]) decode(e *Event) (v T, err error) {
	if want := t.eventType(); e.Type != want && e.Type != "" && !e.isDeadLetter(t.Name) {
		return v, fault.InvalidArgument.Errorf("topic %s: event %s from %s is of type %s, and those of Topic.Type are %s", t.Name, e.ID, e.Source, e.Type, want)
	}
	if version := e.Extensions[DataVersion]; version != "" || t.Version > 1 {
		if read, err := t.reader(e, version); read != nil || err != nil {
			if err != nil {
				return v, err
			}
			return t.parse(e, read)
		}
	}
	if wrapped, ok := e.value.(*typedValue[T]); ok {
		if v, ok := wrapped.claim(e); ok {
			return v, nil
		}
	}
	return t.parse(e, decodeJSON[T])
}

// reader returns what reads the data of an event of another version, and nil if it has
// that of T.
func (t Topic[T]) reader(e *Event, text string) (read func([]byte) (T, error), err error) {
	version := 1
	if text != "" {
		version, err = strconv.Atoi(text)
	}
	switch read = t.Earlier[version]; {
	case err != nil, version < 1:
		return nil, fault.InvalidArgument.Errorf("topic %s: event %s from %s has the version %q, which is no version", t.Name, e.ID, e.Source, text)
	case version == t.version():
		return nil, nil
	case version > t.version():
		return nil, fault.FailedPrecondition.Errorf("topic %s: event %s from %s has version %d, and this handler reads up to version %d: it waits for one that reads it", t.Name, e.ID, e.Source, version, t.version())
	case read == nil:
		return nil, fault.InvalidArgument.Errorf("topic %s: event %s from %s has version %d, which Topic.Earlier does not read", t.Name, e.ID, e.Source, version)
	}
	return read, nil
}

func decodeJSON[T any](data []byte) (v T, err error) {
	err = json.Unmarshal(data, &v)
	return v, err
}

func (t Topic[T]) parse(e *Event, read func([]byte) (T, error)) (v T, err error) {
	if !e.isJSON() {
		return v, fault.InvalidArgument.Errorf("topic %s: event %s from %s is %s, not JSON", t.Name, e.ID, e.Source, e.DataContentType)
	}
	if isNull(e.Data) && !t.writesNull() {
		return v, fault.InvalidArgument.Errorf("topic %s: event %s from %s is null, no %s", t.Name, e.ID, e.Source, reflect.TypeFor[T]())
	}
	if v, err = read(e.Data); err != nil {
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
