package eventbus_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

type line struct {
	SKU  string
	Qty  int32
	Tags []string
}

// basket has every kind of field that is copied instead of decoded.
type basket struct {
	ID     string `json:"id"`
	Lines  []line `json:"lines"`
	First  *line
	Bytes  []byte
	Nested [][]int
	Secret string `json:"-"`
}

// priced is encoded when it is published, because not every float has a JSON form.
type priced struct {
	Basket basket
	Total  float64
}

// namedPointer is a named pointer type.
type namedPointer *basket

// stamped has fields that only decoding can fill.
type stamped struct {
	At    time.Time
	Any   any
	Empty []int `json:",omitempty"`
	own   int
}

// roundTrip publishes v and returns what a handler gets, after checking its Data.
func roundTrip[T any](t interface{ Fatal(...any) }, v T) T {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	topic := eventbus.Topic[T]{Name: "t"}
	var got T
	var data []byte
	want, err := json.Marshal(v)
	err = errors.Join(err,
		topic.Handle(bus, "g", func(ctx context.Context, v T) error {
			e, _ := eventbus.EventOf(ctx)
			got, data = v, e.Data
			return nil
		}),
		topic.Publish(context.Background(), bus, v),
		bus.Close(context.Background()))
	if err != nil || string(data) != string(want) {
		t.Fatal(err, string(data), string(want))
	}
	return got
}

// decoded returns v after encoding and decoding.
func decoded[T any](t interface{ Fatal(...any) }, v T) (back T) {
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &back)
	}
	if err != nil {
		t.Fatal(err)
	}
	return back
}

func TestHandlerGetsWhatDecodingWouldGive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"\xff\xfeé<>&", "\ufffd", `\ufffd`}))
		lines := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) line {
			return line{text.Draw(t, "sku"), rapid.Int32().Draw(t, "qty"), rapid.SliceOfN(text, 0, 2).Draw(t, "tags")}
		}), 0, 3).Draw(t, "lines")
		b := basket{ID: text.Draw(t, "id"), Lines: lines, Secret: "s"}
		switch rapid.IntRange(0, 2).Draw(t, "shape") {
		case 1:
			b.First, b.Bytes, b.Nested = &line{SKU: "x"}, []byte{}, [][]int{nil, {}, {1}}
		case 2:
			b.Lines, b.Bytes = nil, rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		}
		if got, want := roundTrip(t, b), decoded(t, b); !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, decoding gives %+v", got, want)
		}
		p := priced{b, rapid.Float64Range(-1e300, 1e300).Draw(t, "total")}
		if got, want := roundTrip(t, p), decoded(t, p); !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, decoding gives %+v", got, want)
		}
		s := stamped{At: time.Now(), Any: p.Total, Empty: []int{}, own: 1}
		if got, want := roundTrip(t, s), decoded(t, s); !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, decoding gives %+v", got, want)
		}
		if got, want := roundTrip(t, &b), decoded(t, &b); !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, decoding gives %+v", got, want)
		}
		if got, want := roundTrip(t, namedPointer(&b)), decoded(t, namedPointer(&b)); !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, decoding gives %+v", got, want)
		}
	})
}

// duplicatingBus passes every event to two publishers, and twice to every handler.
type duplicatingBus struct{ first, second *eventbus.Memory }

func (p duplicatingBus) Publish(ctx context.Context, topic string, events ...eventbus.Event) error {
	return errors.Join(p.first.Publish(ctx, topic, events...), p.second.Publish(ctx, topic, events...))
}

func (p duplicatingBus) Subscribe(topic, group string, h eventbus.Handler) (func(context.Context) error, error) {
	again := func(ctx context.Context, e eventbus.Event) error { return errors.Join(h(ctx, e), h(ctx, e)) }
	_, err := p.first.Subscribe(topic, group, again)
	if err != nil {
		return nil, err
	}
	return p.second.Subscribe(topic, group, again)
}

// modifyingBus passes events to a bus after changing them, at once or later.
type modifyingBus struct {
	eventbus.Bus
	change func(*eventbus.Event)
	kept   *[]eventbus.Event
}

func (p modifyingBus) Publish(ctx context.Context, topic string, events ...eventbus.Event) error {
	for _, e := range events {
		if p.change(&e); p.kept != nil {
			*p.kept = append(*p.kept, e)
		} else if err := p.Bus.Publish(ctx, topic, e); err != nil {
			return err
		}
	}
	return nil
}

func TestHandlerGetsWhatDataSays(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*eventbus.Event)
		later  bool
		want   string
	}{
		"handed on": {func(e *eventbus.Event) { e.Source = "s" }, false, "red"},
		"redacted":  {func(e *eventbus.Event) { e.Data = []byte(`{"SKU":"***","Qty":1,"Tags":["***"]}`) }, false, "***"},
		"cut":       {func(e *eventbus.Event) { e.Data = append([]byte(nil), e.Data...) }, false, "red"},
		"sent later, the publisher's slice changed": {func(*eventbus.Event) {}, true, "red"},
	} {
		kept := &[]eventbus.Event{}
		bus := modifyingBus{eventbus.NewMemory(eventbus.MemoryPolicy{}), c.change, kept}
		if !c.later {
			bus.kept = nil
		}
		topic := eventbus.Topic[line]{Name: "t"}
		handled := 0
		err := topic.Handle(bus, "g", func(ctx context.Context, l line) error {
			handled++
			if e, _ := eventbus.EventOf(ctx); len(l.Tags) != 1 || l.Tags[0] != c.want || !strings.Contains(string(e.Data), c.want) {
				t.Errorf("%s: got %v of %s", name, l, e.Data)
			}
			return nil
		})
		tags := []string{"red"}
		err = errors.Join(err, topic.Publish(t.Context(), bus, line{SKU: "shirt", Qty: 1, Tags: tags}))
		tags[0] = "changed"
		err = errors.Join(err, bus.Bus.Publish(t.Context(), "t", *kept...), bus.Close(t.Context()))
		if err != nil || handled != 1 {
			t.Errorf("%s: %v, handled %d times", name, err, handled)
		}
	}
}

func TestDataOfAnotherContentTypeIsDecoded(t *testing.T) {
	bus := modifyingBus{eventbus.NewMemory(eventbus.MemoryPolicy{}), func(e *eventbus.Event) { e.DataContentType = "application/xml" }, nil}
	var seen error
	err := Placed.Handle(bus, "g", func(context.Context, Order) error { return nil }, func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			_, seen = next(ctx, request)
			return endpoint.None{}, nil
		}
	})
	err = errors.Join(err, Placed.Publish(t.Context(), bus, Order{ID: "o-7"}), bus.Close(t.Context()))
	if err != nil || !errors.Is(seen, fault.InvalidArgument) {
		t.Errorf("%v; the middlewares saw %v", err, seen)
	}
}

func TestAValueThatIsHandledAgainIsFresh(t *testing.T) {
	for _, groups := range []int64{1, 3, 70} {
		handledTwice(t, groups)
	}
}

func handledTwice(t *testing.T, groups int64) {
	t.Helper()
	both := duplicatingBus{eventbus.NewMemory(eventbus.MemoryPolicy{}), eventbus.NewMemory(eventbus.MemoryPolicy{})}
	topic := eventbus.Topic[basket]{Name: "t"}
	var handled atomic.Int64
	for range groups {
		err := topic.Handle(both, "", func(_ context.Context, b basket) error {
			if handled.Add(1); b.Lines[0].Tags[0] != "red" || len(b.Nested) != 0 || b.Nested == nil {
				t.Errorf("got what another has changed: %+v", b)
			}
			b.Lines[0].Tags[0] = "spoilt"
			_ = append(b.Nested, []int{1})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	b := basket{Lines: []line{{Tags: []string{"red"}}}, Nested: [][]int{{7}}[:0]}
	if err := topic.Publish(t.Context(), both, b); err != nil {
		t.Fatal(err)
	}
	b.Lines[0].Tags[0] = "spoilt by the publisher"
	if err := errors.Join(both.first.Close(t.Context()), both.second.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	if got := handled.Load(); got != 4*groups {
		t.Errorf("handled %d times, want %d", got, 4*groups)
	}
	if again := b.Nested[:1]; again[0][0] != 7 {
		t.Errorf("a handler wrote %v beyond the publisher's slice", again)
	}
}

func TestPublishingAndHandlingAllocateOnlyWhatTheyRetain(t *testing.T) {
	order := &Order{ID: "o-7"}
	for what, got := range map[string][2]float64{
		"the value, its JSON, the event's id, the delivery": {allocations(t, Order{ID: "o-7"}), 4},
		"that, and what the pointer points to":              {allocations(t, order), 5},
		"that, and a copy and its slice":                    {allocations(t, line{SKU: "shirt", Tags: []string{"red"}}), 6},
	} {
		if got[0] > got[1] {
			t.Errorf("%v allocations, want %v: %s", got[0], got[1], what)
		}
	}
}

func allocations[T any](t *testing.T, v T) float64 {
	t.Helper()
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	topic := eventbus.Topic[T]{Name: "t"}
	handled := make(chan struct{})
	if err := topic.Handle(bus, "", func(context.Context, T) error { handled <- struct{}{}; return nil }); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	defer func() {
		if err := bus.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	return testing.AllocsPerRun(200, func() {
		if err := topic.Publish(ctx, bus, v); err != nil {
			t.Error(err)
		}
		<-handled
	})
}

func TestEveryHandlerHasAValueOfItsOwn(t *testing.T) {
	for _, failures := range [][]int{{2}, {2, 0, 0}} {
		checkOwnValues(t, failures)
	}
}

// checkOwnValues runs one handler per failure, each of which changes the value that it gets.
func checkOwnValues(t *testing.T, failures []int) {
	t.Helper()
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{Backoff: time.Millisecond})
	topic := eventbus.Topic[basket]{Name: "t"}
	spoil := func(failures int) func(context.Context, basket) error {
		return func(_ context.Context, b basket) error {
			if b.Lines[0].SKU != "shirt" || b.Lines[0].Tags[0] != "red" || b.First.Qty != 1 {
				t.Errorf("got what another has changed: %+v", b)
			}
			b.Lines[0].SKU, b.Lines[0].Tags[0], b.First.Qty = "spoilt", "spoilt", 9
			if failures--; failures >= 0 {
				return errors.New("again")
			}
			return nil
		}
	}
	for _, n := range failures {
		if err := topic.Handle(bus, "", spoil(n)); err != nil {
			t.Fatal(err)
		}
	}
	b := basket{Lines: []line{{SKU: "shirt", Tags: []string{"red"}}}, First: &line{Qty: 1}}
	if err := topic.Publish(t.Context(), bus, b); err != nil {
		t.Fatal(err)
	}
	b.Lines[0].SKU, b.Lines[0].Tags[0], b.First.Qty = "changed", "changed", 7
	if err := bus.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}
