package eventbus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

type (
	oldParcel struct {
		Grams int `json:"grams"`
	}
	parcel struct {
		Kilograms float64 `json:"kilograms"`
	}
)

var (
	oldPacked = eventbus.Topic[oldParcel]{Name: "packed"}
	packed    = eventbus.Topic[parcel]{
		Name: "packed", Version: 2,
		Earlier: map[int]func([]byte) (parcel, error){1: eventbus.Upcast(func(o oldParcel) (parcel, error) {
			if o.Grams < 0 {
				return parcel{}, errors.New("it is lighter than air")
			}
			return parcel{float64(o.Grams) / 1000}, nil
		})},
	}
)

// handled publishes events and returns what a handler of the topic gets, or its failures.
func handled[T any](t *testing.T, topic eventbus.Topic[T], publish func(bus eventbus.Bus) error) []string {
	t.Helper()
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	var mu sync.Mutex
	var seen []string
	note := func(text string) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, text)
	}
	err := topic.Handle(bus, "group", func(_ context.Context, v T) error {
		note(fmt.Sprint(v))
		return nil
	}, func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			response, err := next(ctx, request)
			if err != nil {
				note(fault.CodeOf(err).String() + ": " + err.Error())
			}
			return response, nil
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(publish(bus), bus.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	return seen
}

func TestAnEventOfAnEarlierVersionIsReadAsTheTypeOfToday(t *testing.T) {
	got := handled(t, packed, func(bus eventbus.Bus) error {
		return errors.Join(oldPacked.Publish(t.Context(), bus, oldParcel{1500}), packed.Publish(t.Context(), bus, parcel{2}))
	})
	if want := "[{1.5} {2}]"; fmt.Sprint(got) != want {
		t.Errorf("handled: %v, want %s", got, want)
	}
}

func TestAnEventOfALaterVersionWaitsForAHandlerThatReadsIt(t *testing.T) {
	got := handled(t, oldPacked, func(bus eventbus.Bus) error { return packed.Publish(t.Context(), bus, parcel{2}) })
	if len(got) != 1 || !strings.Contains(got[0], "version 2") {
		t.Fatalf("handled: %v", got)
	}
	if code, _, _ := strings.Cut(got[0], ":"); code != fault.FailedPrecondition.String() {
		t.Errorf("it fails with %s, which a dead letter may be", code)
	}
}

func TestAnEventWhoseVersionCannotBeReadIsRefusedForGood(t *testing.T) {
	for _, c := range []struct{ version, data, says string }{
		{"x", `{}`, `version "x"`},
		{"0", `{}`, `version "0"`},
		{"99999999999999999999", `{}`, "no version"},
		{"1", `{"grams":"many"}`, "grams"},
		{"1", `{"grams":-1}`, "lighter than air"},
		{"1", `null`, "null"},
		{"2", `{"grams":1}`, "Topic.Earlier"},
	} {
		topic := packed
		if c.version == "2" {
			topic.Version = 3
		}
		got := handled(t, topic, func(bus eventbus.Bus) error {
			return bus.Publish(t.Context(), "packed", eventbus.Event{Extensions: map[string]string{eventbus.DataVersion: c.version}, Data: []byte(c.data)})
		})
		if len(got) != 1 || !strings.HasPrefix(got[0], fault.InvalidArgument.String()) || !strings.Contains(got[0], c.says) {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestVersionsThatContradictEachOtherAreRefusedAtOnce(t *testing.T) {
	read := func([]byte) (parcel, error) { return parcel{}, nil }
	for _, earlier := range []map[int]func([]byte) (parcel, error){{2: read}, {0: read}, {1: nil}} {
		topic := eventbus.Topic[parcel]{Name: "packed", Version: 2, Earlier: earlier}
		func() {
			defer func() {
				if p := fmt.Sprint(recover()); !strings.Contains(p, "Earlier") || !strings.Contains(p, "packed") {
					t.Errorf("%v: %s", earlier, p)
				}
			}()
			_ = topic.Handle(eventbus.NewMemory(eventbus.MemoryPolicy{}), "group", func(context.Context, parcel) error { return nil })
		}()
	}
}

func FuzzVersion(f *testing.F) {
	for _, version := range []string{"", "1", "2", "3", "-1", "+1", "01", " 1", "1e0", "\x00"} {
		f.Add(version, []byte(`{"grams":7}`))
	}
	f.Fuzz(func(t *testing.T, version string, data []byte) {
		if json.Valid(data) && len(data) > 1<<16 {
			return
		}
		var failure error
		bus := catcher(func(h eventbus.Handler) {
			failure = h(t.Context(), eventbus.Event{ID: "1", Source: "a", Extensions: map[string]string{eventbus.DataVersion: version}, Data: data})
		})
		if err := packed.Handle(bus, "group", func(context.Context, parcel) error { return nil }); err != nil {
			t.Fatal(err)
		}
		code := fault.CodeOf(failure)
		if failure != nil && code != fault.InvalidArgument && code != fault.FailedPrecondition {
			t.Errorf("version %q, data %q: %v", version, data, failure)
		}
	})
}

// catcher gives a handler events at once.
type catcher func(h eventbus.Handler)

// Subscribe implements eventbus.Subscriber.
func (c catcher) Subscribe(_, _ string, h eventbus.Handler) (func(context.Context) error, error) {
	c(h)
	return func(context.Context) error { return nil }, nil
}
