package eventbustest

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/idempotency"
)

// deadLetters are the rules for events that were put aside.
var deadLetters = []rule{
	{
		Name:     "put_aside",
		Sentence: "A dead letter says which group put it aside, why, after how many attempts and deliveries, and where the handler panicked.",
		Check:    putAside,
	},
	{
		Name:     "redrive",
		Sentence: "Redrive brings dead letters back, those that it is asked for, once, and only the group that put one aside handles it again.",
		Unless:   func(f Features) bool { return f.NoRedrive },
		Check:    redrive,
	},
	{
		Name:     "redrive_again",
		Sentence: "An event that fails again is brought back once by each Redrive.",
		Unless:   func(f Features) bool { return f.NoRedrive },
		Check:    redriveAgain,
	},
}

func putAside(s *subject) {
	dead := newLog()
	if _, err := s.bus.Subscribe(s.topic+"-dead", "operator", dead.record); err != nil {
		s.Fatal(err)
	}
	var deliveries atomic.Int64
	err := eventbus.Topic[string]{Name: s.topic, Type: "kind"}.Handle(s.bus, "mailer", func(ctx context.Context, _ string) error {
		if d := eventbus.DeliveryOf(ctx); d.Topic != s.topic || d.Group != "mailer" {
			s.Errorf("a handler of topic %s for the group mailer has %+v", s.topic, d)
		}
		if deliveries.Add(1) <= 2 {
			return fault.Unavailable.Errorf("not yet")
		}
		panic("a secret")
	}, eventbus.DeadLetter(s.bus, s.topic+"-dead", func(err error) bool { return errors.Is(err, fault.Internal) }),
		eventbus.RetryPolicy{Attempts: 2, Backoff: time.Millisecond}.Middleware())
	if err != nil {
		s.Fatal(err)
	}
	if err := s.bus.Publish(s.limited(), s.topic, eventbus.Event{Source: "test", Type: "kind", Data: []byte(`"x"`)}); err != nil {
		s.Fatal(err)
	}
	e := s.wait(dead, "the dead letter", atLeast(1))[0]
	want := map[string]string{eventbus.DeadTopic: s.topic, eventbus.DeadGroup: "mailer", eventbus.DeadAttempts: "2", eventbus.DeadDeliveries: "2"}
	for name, value := range want {
		if got := e.Extensions[name]; got != value {
			s.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	if stack := e.Extensions[eventbus.DeadStack]; !strings.Contains(stack, "deadletters.go:") || strings.Contains(stack, "secret") {
		s.Errorf("the stack is %q", stack)
	}
}

// redrive lets two of three groups put an event aside, and brings one of them back, then all.
func redrive(s *subject) {
	dead, handled := newLog(), newLog()
	if _, err := s.bus.Subscribe(s.topic+"-dead", "operator", dead.record); err != nil {
		s.Fatal(err)
	}
	var repaired atomic.Bool
	topic := eventbus.Topic[string]{Name: s.topic}
	for _, group := range []string{"mailer", "billing", "audit"} {
		err := topic.Handle(s.bus, group, func(_ context.Context, v string) error {
			if group != "audit" && !repaired.Load() {
				return errNotYet
			}
			handled.add(eventbus.Event{ID: group + " " + v})
			return nil
		}, eventbus.DeadLetter(s.bus, s.topic+"-dead"))
		if err != nil {
			s.Fatal(err)
		}
	}
	for _, v := range []string{"a", "b", "c"} {
		if err := topic.Publish(s.limited(), s.bus, v); err != nil {
			s.Fatal(err)
		}
	}
	s.wait(dead, "the dead letters", atLeast(6))
	s.wait(handled, "the events of the group that works", atLeast(3))
	repaired.Store(true)
	back := func(what string, want eventbus.Redriven, got eventbus.Redriven, err error) {
		s.Helper()
		if err != nil || got != want {
			s.Fatalf("%s: %+v, %v; want %+v", what, got, err, want)
		}
	}
	got, err := topic.Redrive(s.limited(), s.bus, s.topic+"-dead", func(v string, letter eventbus.Event) bool {
		return v == "b" && letter.Extensions[eventbus.DeadGroup] == "mailer"
	})
	back("one", eventbus.Redriven{Published: 1, Left: 5}, got, err)
	s.wait(handled, "the one that is brought back", includes([]string{"mailer b"}))
	got, err = eventbus.Redrive(s.limited(), s.bus, s.topic+"-dead")
	back("all", eventbus.Redriven{Published: 5}, got, err)
	got, err = eventbus.Redrive(s.limited(), s.bus, s.topic+"-dead")
	back("once more", eventbus.Redriven{}, got, err)
	s.wait(handled, "all events in all groups", atLeast(9))
	if err := s.bus.Close(s.limited()); err != nil {
		s.Fatal(err)
	}
	if n := len(handled.all()); n != 9 {
		s.Errorf("three events were handled %d times by three groups", n)
	}
}

// redriveAgain brings an event back that fails each time.
func redriveAgain(s *subject) {
	dead, tried := newLog(), newLog()
	if _, err := s.bus.Subscribe(s.topic+"-dead", "operator", dead.record); err != nil {
		s.Fatal(err)
	}
	topic := eventbus.Topic[string]{Name: s.topic, Key: func(v string) string { return v }}
	err := topic.Handle(s.bus, "mailer", func(ctx context.Context, _ string) error {
		e, _ := eventbus.EventOf(ctx)
		tried.add(e)
		return errNotYet
	}, eventbus.Dedupe(idempotency.NewMemory(), "mailer"), eventbus.DeadLetter(s.bus, s.topic+"-dead"))
	if err != nil {
		s.Fatal(err)
	}
	for _, v := range []string{"a", "b"} {
		if err := topic.Publish(s.limited(), s.bus, v); err != nil {
			s.Fatal(err)
		}
	}
	for round := 1; round <= 2; round++ {
		s.wait(dead, "two more dead letters", func(e []eventbus.Event) bool { return withRedrives(e, round-1) == 2 })
		got, err := eventbus.Redrive(s.limited(), s.bus, s.topic+"-dead")
		if err != nil || got.Published != 2 {
			s.Fatalf("round %d: %+v, %v", round, got, err)
		}
	}
	s.wait(dead, "the last dead letters", func(e []eventbus.Event) bool { return withRedrives(e, 2) == 2 })
	if n := distinct(tried.all()); n != 6 {
		s.Errorf("two events that were brought back twice were delivered as %d events", n)
	}
	few := func(e eventbus.Event) bool { return e.Redrives() < 2 }
	if got, err := eventbus.Redrive(s.limited(), s.bus, s.topic+"-dead", few); err != nil || got.Published != 0 || got.Left != 2 {
		s.Errorf("events that were brought back twice: %+v, %v", got, err)
	}
}

// withRedrives is the number of dead letters that were brought back n times.
func withRedrives(letters []eventbus.Event, n int) (count int) {
	ids := map[string]bool{}
	for _, e := range letters {
		if e.Redrives() == n {
			ids[e.Extensions[eventbus.DeadID]] = true
		}
	}
	return len(ids)
}
