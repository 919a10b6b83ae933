package eventbustest

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/idempotency"
)

// delivery are the rules for the delivery of an event.
var delivery = []rule{
	{
		Name:     "whole",
		Sentence: "An event arrives with all that it was published with.",
		Check: func(s *subject) {
			seen := newLog()
			s.subscribe("g", seen.record)
			e := eventbus.Event{
				ID: "7", Source: "orders", Type: "order.placed", Subject: "o-7", Time: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC),
				Key: "o-7", DataContentType: "application/octet-stream", DataSchema: "urn:order",
				Extensions: map[string]string{"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}, Data: []byte{0, 1, 0xff},
			}
			if err := s.bus.Publish(s.limited(), s.topic, e); err != nil {
				s.Fatal(err)
			}
			got := s.wait(seen, "the event", atLeast(1))[0]
			if fmt.Sprint(got.ID, got.Source, got.Type, got.Subject, got.Time.UTC(), got.Key, got.DataContentType, got.DataSchema, got.Extensions, got.Data) !=
				fmt.Sprint(e.ID, e.Source, e.Type, e.Subject, e.Time, e.Key, e.DataContentType, e.DataSchema, e.Extensions, e.Data) {
				s.Errorf("got %+v", got)
			}
		},
	},
	{
		Name:     "complete",
		Sentence: "An event without id, source, type and time gets them, and its handler finds it in its context.",
		Check: func(s *subject) {
			seen := newLog()
			s.subscribe("g", func(ctx context.Context, e eventbus.Event) error {
				if own, ok := eventbus.EventOf(ctx); !ok || own.ID != e.ID {
					s.Errorf("the context has event %q", own.ID)
				}
				seen.add(e)
				return nil
			})
			if err := s.bus.Publish(s.limited(), s.topic, eventbus.Event{Data: []byte(`1`)}); err != nil {
				s.Fatal(err)
			}
			if got := s.wait(seen, "the event", atLeast(1))[0]; got.ID == "" || got.Source == "" || got.Type == "" || got.Time.IsZero() {
				s.Errorf("got %+v", got)
			}
		},
	},
	{
		Name:     "topics",
		Sentence: "A subscription gets the events of its topic alone.",
		Check: func(s *subject) {
			seen := newLog()
			s.subscribe("g", seen.record)
			if err := s.bus.Publish(s.limited(), s.topic+"-other", eventbus.Event{ID: "other"}); err != nil {
				s.Fatal(err)
			}
			s.publish("", "own")
			if got := s.wait(seen, "the event", atLeast(1)); string(got[0].Data) != "own" {
				s.Errorf("got %+v", got[0])
			}
		},
	},
	{
		Name:     "again",
		Sentence: "An event whose handler fails or panics is redelivered until it succeeds.",
		Check: func(s *subject) {
			seen := newLog()
			s.subscribe("g", func(_ context.Context, e eventbus.Event) error {
				switch seen.add(e) {
				case 1:
					return errNotYet
				case 2:
					panic("oops")
				}
				return nil
			})
			s.publish("k", "a")
			if got := s.wait(seen, "three deliveries", func(e []eventbus.Event) bool { return len(e) == 3 }); distinct(got) != 1 {
				s.Errorf("%d different events", distinct(got))
			}
		},
	},
	{
		Name:     "typed",
		Sentence: "A topic carries its values, and dead letters, retries and duplicates are what they say.",
		Check: func(s *subject) {
			type order struct {
				ID    string   `json:"id"`
				Items []string `json:"items"`
			}
			placed := eventbus.Topic[order]{Name: s.topic, Key: func(o order) string { return o.ID }}
			dead, handled := newLog(), newLog()
			var tries atomic.Int64
			if _, err := s.bus.Subscribe(s.topic+"-dead", "g", dead.record); err != nil {
				s.Fatal(err)
			}
			err := placed.Handle(s.bus, "g", func(ctx context.Context, o order) error {
				e, _ := eventbus.EventOf(ctx)
				if o.ID == "bad" {
					tries.Add(1)
					return errNotYet
				}
				if len(o.Items) != 1 || o.Items[0] != "shirt" {
					s.Errorf("got %+v", o)
				}
				handled.add(e)
				return nil
			}, eventbus.Dedupe(idempotency.NewMemory(), "g"),
				eventbus.DeadLetter(s.bus, s.topic+"-dead"),
				eventbus.RetryPolicy{Attempts: 3, Backoff: time.Millisecond}.Middleware())
			if err != nil {
				s.Fatal(err)
			}
			for _, id := range []string{"bad", "good"} {
				if err := placed.Publish(s.limited(), s.bus, order{ID: id, Items: []string{"shirt"}}); err != nil {
					s.Fatal(err)
				}
			}
			if err := s.bus.Publish(s.limited(), s.topic, eventbus.Event{ID: "broken", Data: []byte(`{"id":`)}); err != nil {
				s.Fatal(err)
			}
			twice := s.wait(handled, "the good order", atLeast(1))[0]
			twice.Data = []byte(`{"id":"good","items":["shirt"]}`)
			if err := s.bus.Publish(s.limited(), s.topic, twice); err != nil {
				s.Fatal(err)
			}
			got := s.wait(dead, "two dead letters", atLeast(2))
			if tries.Load() != 3 {
				s.Errorf("%d tries, want 3", tries.Load())
			}
			for _, e := range got {
				if e.Extensions[eventbus.DeadTopic] != s.topic || e.Extensions[eventbus.DeadReason] == "" {
					s.Errorf("dead letter %+v", e)
				}
			}
			if err := s.bus.Close(s.limited()); err != nil {
				s.Fatal(err)
			}
			if n := len(handled.all()); n != 1 {
				s.Errorf("the same event was handled %d times", n)
			}
		},
	},
	{
		Name:     "put_back",
		Sentence: "Each group puts an event aside for itself; put back, it is handled once by those that did not handle it.",
		Check:    putBack,
	},
}

// putBack lets two of three groups put an event aside, and publishes both dead letters
// again.
func putBack(s *subject) {
	dead, handled := newLog(), newLog()
	if _, err := s.bus.Subscribe(s.topic+"-dead", "g", dead.record); err != nil {
		s.Fatal(err)
	}
	var repaired atomic.Bool
	topic := eventbus.Topic[string]{Name: s.topic}
	for _, group := range []string{"mailer", "billing", "audit"} {
		err := topic.Handle(s.bus, group, func(context.Context, string) error {
			if group != "audit" && !repaired.Load() {
				return errNotYet
			}
			handled.add(eventbus.Event{ID: group})
			return nil
		}, eventbus.Dedupe(idempotency.NewMemory(), group), eventbus.DeadLetter(s.bus, s.topic+"-dead"))
		if err != nil {
			s.Fatal(err)
		}
	}
	if err := topic.Publish(s.limited(), s.bus, "o-7"); err != nil {
		s.Fatal(err)
	}
	letters := s.wait(dead, "a dead letter of each group that failed", atLeast(2))
	repaired.Store(true)
	for _, e := range letters {
		if e.Extensions[eventbus.DeadID] == "" || e.Extensions[eventbus.DeadID] != letters[0].Extensions[eventbus.DeadID] {
			s.Errorf("dead letter %+v", e)
		}
		if err := s.bus.Publish(s.limited(), e.Extensions[eventbus.DeadTopic], e); err != nil {
			s.Fatal(err)
		}
	}
	s.wait(handled, "all three groups", atLeast(3))
	if err := s.bus.Close(s.limited()); err != nil {
		s.Fatal(err)
	}
	if n := len(handled.all()); n != 3 {
		s.Errorf("handled %d times by three groups", n)
	}
}
