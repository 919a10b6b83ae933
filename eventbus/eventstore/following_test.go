package eventstore_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/sinew-go/sinew/eventbus/eventstore"
)

var following = []rule{
	{"Follow returns what is there and then what comes, from any position", func(s *subject) {
		b := s.store()
		b.append("a", "1", "2")
		whole, _ := b.follow(0)
		rest, _ := b.follow(1)
		s.eventually("the first two", func() bool { return len(whole.ids()) == 2 })
		b.append("b", "3")
		s.eventually("the third", func() bool { return len(whole.ids()) == 3 && len(rest.ids()) == 2 })
		s.same("from the beginning", whole.ids(), "1", "2", "3")
		s.same("from the second one", rest.ids(), "2", "3")
	}},
	{"an event of this process is followed at once, and that of another by polling", func(s *subject) {
		b := s.store(func(c *eventstore.Config) { c.Poll = time.Hour })
		f, _ := b.follow(0)
		polling := s.store()
		other, _ := polling.follow(0)
		b.append("a", "1")
		s.eventually("both", func() bool { return len(f.ids()) == 1 && len(other.ids()) == 1 })
	}},
	{"an event that commits late is not skipped, and delays no other", func(s *subject) {
		if s.driver == "sqlite" {
			return // one transaction writes at a time
		}
		b := s.store()
		f, _ := b.follow(0)
		b.append("a", "1")
		late := b.begin()
		if _, err := b.In(late).Append(s.Context(), "late", eventstore.NoStream, eventsOf("late")...); err != nil {
			s.Fatal(err)
		}
		b.append("a", "2")
		s.eventually("what is committed", func() bool { return len(f.ids()) == 2 })
		if err := late.Commit(); err != nil {
			s.Fatal(err)
		}
		s.eventually("the late one", func() bool { return len(f.ids()) == 3 })
		b.append("a", "3")
		s.eventually("the next one", func() bool { return len(f.ids()) == 4 })
		s.same("the order", f.ids(), "1", "2", "late", "3")
	}},
	{"many followers in many processes see one order", func(s *subject) {
		var all []*store
		var followers []*follower
		for range 3 {
			b := s.store()
			all = append(all, b)
			for range 2 {
				f, _ := b.follow(0)
				followers = append(followers, f)
			}
		}
		done := make(chan bool)
		for i, b := range all {
			go func() {
				defer func() { done <- true }()
				for n := range 40 {
					if _, err := b.Append(s.Context(), fmt.Sprint("s", n%5), eventstore.Any, eventsOf(fmt.Sprint(i, "-", n))...); err != nil {
						s.Error(err)
					}
				}
			}()
		}
		for range all {
			<-done
		}
		want := all[0].all()
		for _, f := range followers {
			s.eventually("all events", func() bool { return len(f.ids()) == 120 })
			if !slices.Equal(f.ids(), want) {
				s.Error("the orders differ")
			}
			for i, e := range f.events() {
				if e.Position != int64(i+1) {
					s.Fatalf("event %d has position %d", i, e.Position)
				}
			}
		}
	}},
}
