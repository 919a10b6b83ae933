package eventbus_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/idempotency"
)

func TestAHandlerGetsTheDataOfEvents(t *testing.T) {
	for _, groups := range []int{1, 2} {
		bus := eventbus.NewMemory(eventbus.MemoryPolicy{Backoff: time.Millisecond})
		var handled atomic.Int64
		for range groups {
			_, err := bus.Subscribe("order.placed", "", func(ctx context.Context, e eventbus.Event) error {
				own, _ := eventbus.EventOf(ctx)
				if string(e.Data) != `{"id":"o-7","total":3}` || string(own.Data) != string(e.Data) {
					t.Errorf("got %s, and %s of the context", e.Data, own.Data)
				}
				if handled.Add(1) == 1 {
					return errors.New("again")
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		err := errors.Join(Placed.Publish(t.Context(), bus, Order{ID: "o-7", Total: 3}), bus.Close(t.Context()))
		if n := handled.Load(); err != nil || n != int64(groups)+1 {
			t.Errorf("%v, handled %d times", err, n)
		}
	}
}

func TestTwoTopicsWithOneNameExchangeJSON(t *testing.T) {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	var got map[string]any
	err := errors.Join(
		eventbus.Topic[map[string]any]{Name: "t"}.Handle(bus, "g", func(_ context.Context, v map[string]any) error { got = v; return nil }),
		eventbus.Topic[Order]{Name: "t"}.Publish(t.Context(), bus, Order{ID: "o-7"}),
		bus.Close(t.Context()))
	if err != nil || got["id"] != "o-7" {
		t.Errorf("%v %v", got, err)
	}
}

func TestMiddlewaresSeeAPanicOfTheHandlerAsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var dead []eventbus.Event
		_, _ = bus.Subscribe("dead", "g", func(_ context.Context, e eventbus.Event) error { dead = append(dead, e); return nil })
		tries, done := 0, 0
		err := Placed.Handle(bus, "g", func(_ context.Context, o Order) error {
			if o.Total == 0 {
				tries++
				panic("a secret")
			}
			done++
			return nil
		}, eventbus.DeadLetter(bus, "dead"), eventbus.RetryPolicy{Attempts: 3}.Middleware())
		err = errors.Join(err, Placed.Publish(ctx, bus, Order{ID: "o-7"}), Placed.Publish(ctx, bus, Order{ID: "o-7", Total: 1}), bus.Close(ctx))
		if err != nil || tries != 3 || done != 1 || len(dead) != 1 {
			t.Fatalf("%v: %d tries, then %d handled, dead letters %+v", err, tries, done, dead)
		}
		if reason := dead[0].Extensions[eventbus.DeadReason]; strings.Contains(reason, "secret") || !strings.Contains(reason, "panicked") {
			t.Errorf("put aside because %q", reason)
		}
	})
}

func TestAPointerThatIsNilIsNoEvent(t *testing.T) {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	topic := eventbus.Topic[*Order]{Name: "t", Key: func(o *Order) string { return o.ID }}
	if err := topic.Publish(t.Context(), bus, nil); !errors.Is(err, fault.InvalidArgument) {
		t.Errorf("published: %v", err)
	}
	var seen error
	err := topic.Handle(bus, "g", func(_ context.Context, o *Order) error {
		t.Errorf("a handler got %v", o)
		return nil
	}, func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			_, seen = next(ctx, request)
			return endpoint.None{}, nil
		}
	})
	err = errors.Join(err, bus.Publish(t.Context(), "t", eventbus.Event{Data: []byte("null")}), bus.Close(t.Context()))
	if err != nil || !errors.Is(seen, fault.InvalidArgument) {
		t.Errorf("%v; the middlewares saw %v", err, seen)
	}
}

func TestValueWithoutJSONFormIsRefusedAtPublish(t *testing.T) {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	err := eventbus.Topic[float64]{Name: "t"}.Publish(t.Context(), bus, math.NaN())
	if !errors.Is(err, fault.InvalidArgument) {
		t.Error(err)
	}
	_ = bus.Close(t.Context())
}

func TestEndpointPublishesInsideItsMiddlewares(t *testing.T) {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	passed := 0
	publish := Placed.Endpoint(bus, func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			passed++
			return next(ctx, request)
		}
	})
	if _, err := publish(t.Context(), Order{}); err != nil || passed != 1 {
		t.Errorf("%d passed, %v", passed, err)
	}
	_ = bus.Close(t.Context())
	if _, err := publish(t.Context(), Order{}); !errors.Is(err, fault.FailedPrecondition) {
		t.Error(err)
	}
}

func TestMiddlewaresOutsideOfAHandlerDoNothing(t *testing.T) {
	boom := errors.New("boom")
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	defer func() { _ = bus.Close(context.Background()) }()
	ep := endpoint.New(func(context.Context, int) (endpoint.None, error) { return endpoint.None{}, boom }).
		With(eventbus.DeadLetter(bus, "dead"), eventbus.Dedupe(idempotency.NewMemory(), "g"))
	if _, err := ep(t.Context(), 1); !errors.Is(err, boom) {
		t.Error(err)
	}
}

// nullable encodes its zero value as null, so null is a value.
type nullable struct{ v *int }

func (n nullable) MarshalJSON() ([]byte, error)  { return json.Marshal(n.v) }
func (n *nullable) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &n.v) }

// handle runs a handler of T for an event with this data, and returns its result.
func handle[T any](t *testing.T, data string) (err error, handled bool) {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	var seen error
	_ = eventbus.Topic[T]{Name: "t"}.Handle(bus, "g", func(context.Context, T) error {
		handled = true
		return nil
	}, func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			_, seen = next(ctx, request)
			return endpoint.None{}, nil
		}
	})
	if err := errors.Join(bus.Publish(t.Context(), "t", eventbus.Event{Data: []byte(data)}), bus.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	return seen, handled
}

func TestNullIsAnEventOnlyIfItIsAValueOfTheType(t *testing.T) {
	type check struct {
		err     error
		handled bool
		fine    bool
	}
	of := func(fine bool) func(err error, handled bool) check {
		return func(err error, handled bool) check { return check{err, handled, fine} }
	}
	for name, c := range map[string]check{
		"a struct":                  of(false)(handle[Order](t, "null")),
		"a struct, with blanks":     of(false)(handle[Order](t, " null\n")),
		"no data":                   of(false)(handle[Order](t, "")),
		"a pointer":                 of(false)(handle[*Order](t, "null")),
		"a string":                  of(false)(handle[string](t, "null")),
		"a number":                  of(false)(handle[int](t, "null")),
		"a time":                    of(false)(handle[time.Time](t, "null")),
		"an array":                  of(false)(handle[[2]int](t, "null")),
		"a map":                     of(true)(handle[map[string]int](t, "null")),
		"a slice":                   of(true)(handle[[]int](t, "null")),
		"anything":                  of(true)(handle[any](t, "null")),
		"JSON":                      of(true)(handle[json.RawMessage](t, "null")),
		"one that writes itself so": of(true)(handle[nullable](t, "null")),
		"a struct that is there":    of(true)(handle[Order](t, "{}")),
		"a string that reads so":    of(true)(handle[string](t, `"null"`)),
	} {
		if c.fine != (c.err == nil) || c.handled != c.fine || !c.fine && !errors.Is(c.err, fault.InvalidArgument) {
			t.Errorf("%s: handled %v, %v", name, c.handled, c.err)
		}
	}
}
