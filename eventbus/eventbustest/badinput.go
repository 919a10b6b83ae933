package eventbustest

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/idempotency"
)

// badInput are the rules for events that are not as their subscribers expect them.
var badInput = []rule{
	{
		Name:     "unreadable",
		Sentence: "What a topic cannot read is put aside with the reason, and holds up nothing.",
		Check:    unreadable,
	},
	{
		Name:     "oversized",
		Sentence: "An event of any size arrives, or is refused with the name of its topic, and the next one arrives.",
		Unless:   func(f Features) bool { return f.NoOrder },
		Check: func(s *subject) {
			seen := newLog()
			s.subscribe("g", seen.record)
			data := make([]byte, 16*s.LargestData)
			for i := range data {
				data[i] = byte(i*i>>8 ^ i*i>>16 ^ i)
			}
			err := s.bus.Publish(s.limited(), s.topic, eventbus.Event{ID: "large", Key: "k", DataContentType: "application/octet-stream", Data: data})
			if err != nil && (!errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), s.topic)) {
				s.Errorf("it is refused: %v", err)
			}
			s.publish("k", "next")
			got := s.wait(seen, "the next event", includes([]string{"k/next"}))
			if err == nil && (got[0].ID != "large" || len(got[0].Data) != len(data)) {
				s.Errorf("the large event arrived as %d bytes of %s", len(got[0].Data), got[0].ID)
			}
		},
	},
	{
		Name:     "clock_skew",
		Sentence: "The clocks of publishers matter to nothing but the Time of their events.",
		Unless:   func(f Features) bool { return f.NoOrder },
		Check: func(s *subject) {
			seen := newLog()
			s.subscribe("g", seen.record)
			times := []time.Time{time.Date(1971, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2199, 12, 31, 23, 59, 59, 999_999_000, time.UTC), time.Date(2020, 2, 29, 1, 2, 3, 0, time.FixedZone("", -5*3600))}
			for i, at := range times {
				if err := s.bus.Publish(s.limited(), s.topic, eventbus.Event{ID: numbers(i + 1)[i], Key: "k", Time: at}); err != nil {
					s.Fatal(err)
				}
			}
			for i, e := range s.wait(seen, "all events", atLeast(len(times))) {
				if e.ID != numbers(i + 1)[i] || !e.Time.Equal(times[i]) {
					s.Errorf("event %d arrived as %s of %s, want %s", i, e.ID, e.Time, times[i])
				}
			}
		},
	},
	{
		Name:     "duplicate_ids",
		Sentence: "Events with one ID are the same only if their Source is, and a duplicate is handled once.",
		Check: func(s *subject) {
			handled := newLog()
			err := eventbus.Topic[string]{Name: s.topic, Key: func(v string) string { return v }}.Handle(s.bus, "g", func(ctx context.Context, _ string) error {
				e, _ := eventbus.EventOf(ctx)
				e.ID = e.Source + "/" + e.ID
				handled.add(e)
				return nil
			}, eventbus.Dedupe(idempotency.NewMemory(), "g"))
			if err != nil {
				s.Fatal(err)
			}
			for _, name := range []string{"a/1", "b/1", "a/1", "b/1", "a/2"} {
				source, id, _ := strings.Cut(name, "/")
				if err := s.bus.Publish(s.limited(), s.topic, eventbus.Event{ID: id, Source: source, Key: "k", Data: []byte(`"x"`)}); err != nil {
					s.Fatal(err)
				}
			}
			s.wait(handled, "all events", includes([]string{"a/1", "b/1", "a/2"}))
			if n := len(handled.all()); n != 3 {
				s.Errorf("three events were handled %d times", n)
			}
		},
	},
}

// unreadable publishes what a topic cannot read, each before an event that it can.
func unreadable(s *subject) {
	dead, handled := newLog(), newLog()
	if _, err := s.bus.Subscribe(s.topic+"-dead", "operator", dead.record); err != nil {
		s.Fatal(err)
	}
	type order struct {
		ID string `json:"id"`
	}
	err := eventbus.Topic[order]{Name: s.topic, Version: 2}.Handle(s.bus, "g", func(ctx context.Context, _ order) error {
		e, _ := eventbus.EventOf(ctx)
		handled.add(e)
		return nil
	}, eventbus.DeadLetter(s.bus, s.topic+"-dead", eventbus.Hopeless))
	if err != nil {
		s.Fatal(err)
	}
	good := eventbus.Event{Key: "k", Data: []byte(`{"id":"o-7"}`), Extensions: map[string]string{eventbus.DataVersion: "2"}}
	reasons := map[string]string{
		"unknown type": "order.lost", "version of the past": "version 1", "no version": "version", "truncated": "JSON", "null": "null",
		"another shape": "string", "not JSON": "text/plain", "empty": "JSON",
	}
	for name := range reasons {
		bad := good
		bad.ID = name
		switch name {
		case "unknown type":
			bad.Type = "order.lost"
		case "version of the past":
			bad.Extensions = nil
		case "no version":
			bad = bad.WithExtension(eventbus.DataVersion, "two")
		case "truncated":
			bad.Data = bad.Data[:6]
		case "null":
			bad.Data = []byte("null")
		case "another shape":
			bad.Data = []byte(`"o-7"`)
		case "not JSON":
			bad.DataContentType = "text/plain"
		case "empty":
			bad.Data = nil
		}
		next := good
		next.ID = "after " + name
		if err := s.bus.Publish(s.limited(), s.topic, bad, next); err != nil {
			s.Fatal(err)
		}
	}
	s.wait(handled, "the events that can be read", atLeast(len(reasons)))
	for _, e := range s.wait(dead, "the others", atLeast(len(reasons))) {
		name := e.Extensions[eventbus.DeadID]
		if says := e.Extensions[eventbus.DeadReason]; !strings.Contains(says, reasons[name]) || !strings.Contains(says, s.topic) {
			s.Errorf("%s was put aside because of %q", name, says)
		}
	}
	if n := distinct(handled.all()); n != len(reasons) {
		s.Errorf("%d events were handled, want %d", n, len(reasons))
	}
}
