package eventbustest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

// schedules are the rules for events that are published later.
var schedules = []rule{
	{
		Name:     "later",
		Sentence: "An event that is published later arrives whole within a second of its time, not before, in each group.",
		Unless:   func(f Features) bool { return f.NoSchedule },
		Check:    later,
	},
	{
		Name:     "later_by_nobody",
		Sentence: "A bus that cannot publish later says so and names the outbox.",
		Unless:   func(f Features) bool { return !f.NoSchedule },
		Check: func(s *subject) {
			err := eventbus.Topic[string]{Name: s.topic}.PublishAt(s.limited(), s.bus, time.Now().Add(time.Hour), "x")
			if !errors.Is(err, fault.Unimplemented) {
				s.Errorf("it says %v", err)
			}
		},
	},
}

func later(s *subject) {
	const lead = 1500 * time.Millisecond
	seen := newLog()
	var early, late atomic.Int64
	for _, group := range []string{"one", "two", ""} {
		s.subscribe(group, func(_ context.Context, e eventbus.Event) error {
			due, err := time.Parse(time.RFC3339Nano, e.Extensions["due"])
			if err != nil {
				s.Errorf("event %s arrives with the extensions %v", e.ID, e.Extensions)
			}
			switch off := time.Since(due); {
			case off < 0:
				early.Add(1)
			case off > time.Second:
				late.Store(max(late.Load(), int64(off)))
			}
			e.ID = group + "/" + e.ID
			seen.add(e)
			return nil
		})
	}
	scheduler := s.bus.(eventbus.Scheduler)
	now := time.Now()
	var want []string
	for name, due := range map[string]time.Time{"past": now.Add(-time.Hour), "second": now.Add(lead + 300*time.Millisecond), "first": now.Add(lead), "also first": now.Add(lead)} {
		e := eventbus.Event{ID: name, Source: "test", Key: "k", Data: []byte(`{"a":1}`), Extensions: map[string]string{"due": due.Format(time.RFC3339Nano)}}
		if name == "past" {
			e.Extensions["due"] = now.Format(time.RFC3339Nano)
		}
		if err := scheduler.PublishAt(s.limited(), s.topic, due, e); err != nil {
			s.Fatalf("publish %s: %v", name, err)
		}
		for _, group := range []string{"one", "two", ""} {
			want = append(want, group+"/"+name)
		}
	}
	got := s.wait(seen, "all events", includes(want))
	if len(got) != len(want) {
		s.Errorf("%d deliveries, want %d", len(got), len(want))
	}
	if early.Load() > 0 || late.Load() > 0 {
		s.Errorf("%d events are too early, and one is %s late", early.Load(), time.Duration(late.Load()))
	}
	for _, e := range got {
		if e.Key != "k" || string(e.Data) != `{"a":1}` || e.Source != "test" || e.Type != s.topic {
			s.Errorf("got %+v", e)
		}
	}
	if err := (eventbus.Topic[string]{Name: s.topic + "-typed"}).PublishAt(s.limited(), s.bus, now.Add(time.Hour), "x"); err != nil {
		s.Errorf("a typed event: %v", err)
	}
	if text := fmt.Sprint(got[0].Time.IsZero()); text != "false" {
		s.Error("an event without a time")
	}
}
