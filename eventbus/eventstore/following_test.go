package eventstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/sinew-go/sinew/eventbus/eventstore"
	"github.com/sinew-go/sinew/fault"
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
		if s.Driver == "sqlite" {
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
				for n := range 15 {
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
			s.eventually("all events", func() bool { return len(f.ids()) == 45 })
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
	{"transactions that take their time are followed whole, in one order, by many", func(s *subject) {
		if s.Driver == "sqlite" {
			return // one transaction writes at a time
		}
		const writers, each = 8, 15
		var followers []*follower
		for range 3 {
			f, _ := s.store().follow(0)
			followers = append(followers, f)
		}
		b := s.store()
		var writing sync.WaitGroup
		for w := range writers {
			writing.Go(func() {
				for n := range each {
					tx, err := b.db.BeginTx(s.Context(), nil)
					if err != nil {
						s.Error(err)
						return
					}
					stream := fmt.Sprint("s", w)
					if _, err := b.In(tx).Append(s.Context(), stream, int64(n), eventsOf(fmt.Sprint(w, "-", n))...); err != nil {
						s.Error(err)
					}
					<-time.After(rand.N(20 * time.Millisecond))
					if err := tx.Commit(); err != nil {
						s.Error(err)
					}
				}
			})
		}
		writing.Wait()
		for _, f := range followers {
			s.eventually("all events", func() bool { return len(f.ids()) == writers*each })
			if !slices.Equal(f.ids(), followers[0].ids()) {
				s.Error("the orders differ")
			}
			last := map[string]int64{}
			for _, e := range f.events() {
				if last[e.Stream]++; e.Version != last[e.Stream] {
					s.Fatalf("stream %s: version %d comes after %d", e.Stream, e.Version, last[e.Stream]-1)
				}
			}
		}
	}},
	{"an event that cannot be read is an error of its own, and the next one follows", func(s *subject) {
		b := s.store()
		b.append("a", "1", "2", "3")
		b.exec(`UPDATE {events} SET event = 'trunc' WHERE version = 2`)
		ctx, cancel := context.WithCancel(s.Context())
		defer cancel()
		var got []string
		for e, err := range b.Follow(ctx, 0) {
			if err != nil {
				s.is(err, fault.DataLoss, "position 2", "stream a")
				got = append(got, "unreadable")
				continue
			}
			if got = append(got, e.ID); e.ID == "3" {
				cancel()
			}
		}
		s.same("followed", got, "1", "unreadable", "3")
		for _, err := range b.All(s.Context(), 1) {
			s.is(err, fault.DataLoss, "position 2")
		}
	}},
	{"a transaction follows nothing", func(s *subject) {
		b := s.store()
		for _, err := range b.In(b.begin()).Follow(s.Context(), 0) {
			s.is(err, fault.FailedPrecondition, "transaction")
		}
	}},
	{"a follower goes on when the database answers again", func(s *subject) {
		b := s.store()
		b.exec(`ALTER TABLE {events} RENAME TO {events}_away`)
		var got []string
		failures := 0
		ctx, cancel := context.WithCancel(s.Context())
		defer cancel()
		for e, err := range b.Follow(ctx, 0) {
			switch {
			case err == nil:
				got = append(got, e.ID)
				cancel()
			case failures == 0:
				b.exec(`ALTER TABLE {events}_away RENAME TO {events}`)
				b.append("a", "1")
				fallthrough
			default:
				failures++
			}
		}
		if s.same("followed", got, "1"); failures == 0 {
			s.Error("there was no error")
		}
	}},
}
