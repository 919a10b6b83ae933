package outbox_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

var failing = []rule{
	{"a topic that fails waits in order, and delays no other", func(s *subject) {
		to := &bus{}
		to.failWith(func(topic string, _ eventbus.Event) error {
			if topic == "down" {
				return fault.Unavailable.Errorf("no")
			}
			return nil
		})
		b := s.box(to)
		var ids []string
		for i := range 1000 { // more than a batch
			ids = append(ids, fmt.Sprintf("%04d", i))
		}
		b.write("down", "k", ids...)
		b.run()
		b.write("up", "k2", "a", "b")
		s.eventually("the other topic", func() bool { return to.count() == 2 })
		to.failWith(func(string, eventbus.Event) error { return nil })
		s.eventually("all", func() bool { return to.count() == 1002 })
		if got := to.ids("k"); !slices.Equal(got, ids) {
			s.Error("they are out of order")
		}
	}},
	{"an event that the bus refuses for what it is is parked, and its key goes on", func(s *subject) {
		to := &bus{}
		to.failWith(func(_ string, e eventbus.Event) error {
			if e.ID == "large" {
				return fault.InvalidArgument.Errorf("it is %s", strings.Repeat("too large, ", 1000))
			}
			return nil
		})
		b := s.box(to)
		b.run()
		b.write("made", "k", "1", "large", "2")
		b.Wake()
		s.eventually("the others", func() bool { return to.count() == 2 })
		s.eventually("the parked one", func() bool { return b.stats().Parked == 1 })
		parked, err := b.Parked(s.Context(), 10)
		if err != nil || len(parked) != 1 {
			s.Fatalf("parked: %v, %v", parked, err)
		}
		p := parked[0]
		if p.Event.ID != "large" || p.Topic != "made" || !strings.Contains(p.Reason, "too large") || p.Since.IsZero() {
			s.Errorf("parked: %.200v", p)
		}
		to.failWith(func(string, eventbus.Event) error { return nil })
		if err := b.Unpark(s.Context(), p.ID); err != nil {
			s.Fatal(err)
		}
		s.eventually("the event", func() bool { return to.count() == 3 })
		if err := b.Unpark(s.Context(), p.ID); fault.CodeOf(err) != fault.NotFound {
			s.Errorf("unparked twice: %v", err)
		}
	}},
	{"what cannot be read is parked", func(s *subject) {
		b := s.box(&bus{})
		b.within(func(tx *sql.Tx) error {
			_, err := tx.ExecContext(s.Context(), "INSERT INTO "+s.table+" (topic, event, at) VALUES ('made', 'nonsense', 1)")
			return err
		})
		b.run()
		s.eventually("the parked one", func() bool { return b.stats().Parked == 1 })
	}},
	{"with random failures every event is published, each key in order", func(s *subject) {
		to := &bus{}
		var tries atomic.Int64
		to.failWith(func(string, eventbus.Event) error {
			if tries.Add(1) < 2000 && rand.N(10) == 0 {
				return fault.Unavailable.Errorf("no")
			}
			return nil
		})
		b := s.box(to)
		b.run()
		want := map[string][]string{}
		for i := range 400 {
			key := fmt.Sprint(rand.N(20))
			id := fmt.Sprintf("%04d", i)
			want[key] = append(want[key], id)
			b.write(fmt.Sprint("made", rand.N(2)), key, id)
		}
		s.eventually("all", func() bool { return b.stats().Waiting == 0 })
		for key, ids := range want {
			got := to.ids(key)
			slices.Sort(got) // the topics are apart
			if !slices.Equal(got, ids) {
				s.Errorf("key %s: %q, want %q", key, got, ids)
			}
		}
	}},
}
