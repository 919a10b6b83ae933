package eventstore_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/eventstore"
	"github.com/sinew-go/sinew/fault"
)

func contains(err error, part string) bool { return err != nil && strings.Contains(err.Error(), part) }

var appending = []rule{
	{"events are read as they were appended, each stream by itself and all in order", func(s *subject) {
		b := s.store()
		version, err := b.Append(s.Context(), "a", eventstore.NoStream, eventsOf("1", "2")...)
		if err != nil || version != 2 {
			s.Errorf("the first append: version %d, %v", version, err)
		}
		b.append("b", "3")
		version, err = b.Append(s.Context(), "a", 2, eventsOf("4")...)
		if err != nil || version != 3 {
			s.Errorf("the last append: version %d, %v", version, err)
		}
		s.same("stream a", b.stream("a"), "1", "2", "4")
		s.same("stream b", b.stream("b"), "3")
		s.same("all", b.all(), "1", "2", "3", "4")
		if position, err := b.Position(s.Context()); err != nil || position != 4 {
			s.Errorf("the last position is %d, %v", position, err)
		}
		s.same("stream c", b.stream("c"))
	}},
	{"an append that expects another version is refused, and the error says which", func(s *subject) {
		b := s.store()
		b.append("a", "1", "2")
		for _, expected := range []int64{eventstore.NoStream, 1, 3} {
			_, err := b.Append(s.Context(), "a", expected, eventsOf("x")...)
			s.is(err, fault.Aborted, "stream a", "version 2")
			if expected > 0 {
				s.is(err, fault.Aborted, fmt.Sprintf("at version %d", expected))
			}
		}
		_, err := b.Append(s.Context(), "new", 1, eventsOf("x")...)
		s.is(err, fault.Aborted, "stream new", "version 1", "version 0")
		_, err = b.Append(s.Context(), "a", -2, eventsOf("x")...)
		s.is(err, fault.InvalidArgument, "-2")
		s.same("all", b.all(), "1", "2")
	}},
	{"a transaction goes on after a version was wrong", func(s *subject) {
		b := s.store()
		b.append("a", "1")
		tx := b.begin()
		_, err := b.In(tx).Append(s.Context(), "a", eventstore.NoStream, eventsOf("x")...)
		s.is(err, fault.Aborted)
		if _, err := b.In(tx).Append(s.Context(), "a", 1, eventsOf("2")...); err != nil {
			s.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			s.Fatal(err)
		}
		s.same("all", b.all(), "1", "2")
	}},
	{"what a transaction appends is there if it commits", func(s *subject) {
		b := s.store()
		tx := b.begin()
		in := b.In(tx)
		if _, err := in.Append(s.Context(), "a", eventstore.NoStream, eventsOf("1")...); err != nil {
			s.Fatal(err)
		}
		if _, err := in.Append(s.Context(), "a", 1, eventsOf("2")...); err != nil {
			s.Fatal(err)
		}
		n := 0
		for _, err := range in.Stream(s.Context(), "a", 0) {
			if err != nil {
				s.Fatal(err)
			}
			n++
		}
		if n != 2 {
			s.Errorf("the transaction sees %d of its 2 events", n)
		}
		if err := tx.Rollback(); err != nil {
			s.Fatal(err)
		}
		s.same("after a rollback", b.all())
		b.append("a", "3")
		s.same("then", b.all(), "3")
	}},
	{"an append that is repeated is recognized by the IDs", func(s *subject) {
		b := s.store()
		for _, expected := range []int64{eventstore.NoStream, eventstore.Any} {
			for range 3 {
				if version, err := b.Append(s.Context(), "a", expected, eventsOf("1", "2")...); err != nil || version != 2 {
					s.Errorf("expected %d: version %d, %v", expected, version, err)
				}
			}
		}
		b.append("a", "3")
		if version, err := b.Append(s.Context(), "a", eventstore.NoStream, eventsOf("1", "2")...); err != nil || version != 2 {
			s.Errorf("after another append: version %d, %v", version, err)
		}
		for _, ids := range [][]string{{"2", "1"}, {"1", "x"}, {"x", "3"}, {"1", "3"}} {
			for _, expected := range []int64{3, eventstore.Any, eventstore.NoStream} {
				_, err := b.Append(s.Context(), "a", expected, eventsOf(ids...)...)
				s.is(err, fault.AlreadyExists, "stream a")
			}
		}
		b.append("b", "1")
		if version, err := b.Append(s.Context(), "a", 3, eventsOf("4")...); err != nil || version != 4 {
			s.Errorf("the stream goes on: version %d, %v", version, err)
		}
		s.same("stream a", b.stream("a"), "1", "2", "3", "4")
	}},
	{"of many that append at one version one wins", func(s *subject) {
		b := s.store()
		var won, lost atomic.Int64
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for version := range int64(5) {
					_, err := b.Append(s.Context(), "a", version, eventsOf(fmt.Sprint(i, "-", version))...)
					switch fault.CodeOf(err) {
					case 0:
						won.Add(1)
					case fault.Aborted:
						lost.Add(1)
					default:
						s.Error(err)
					}
				}
			})
		}
		all.Wait()
		if won.Load() != int64(len(b.stream("a"))) || won.Load() == 0 || won.Load()+lost.Load() != 40 {
			s.Errorf("%d won and %d lost; the stream has %d events", won.Load(), lost.Load(), len(b.stream("a")))
		}
	}},
	{"many append to new streams at once, whatever their version", func(s *subject) {
		b := s.store()
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				for n := range 4 {
					stream, id := fmt.Sprint("s", n), fmt.Sprint(i)
					for range 2 { // the second one is a repeat
						if _, err := b.Append(s.Context(), stream, eventstore.Any, eventsOf(id+"a", id+"b")...); err != nil {
							s.Error(err)
						}
					}
				}
			})
		}
		all.Wait()
		for n := range 4 {
			if got := len(b.stream(fmt.Sprint("s", n))); got != 12 {
				s.Errorf("stream %d has %d events", n, got)
			}
		}
	}},
	{"what is wrong with an event is said", func(s *subject) {
		b := s.store()
		large := eventbus.Event{Type: "large", DataContentType: "text/plain", Data: make([]byte, 5<<20)}
		for part, try := range map[string]struct {
			stream string
			events []eventbus.Event
		}{
			"is empty":          {"", eventsOf("1")},
			"ends with a space": {"a ", eventsOf("1")},
			"255":               {strings.Repeat("x", 256), eventsOf("1")},
			"UTF-8":             {"\xff", eventsOf("1")},
			"control":           {"a\x00", eventsOf("1")},
			"no type":           {"a", []eventbus.Event{{ID: "1"}}},
			"the ID 1":          {"a", eventsOf("1", "1")},
			"ID":                {"a", eventsOf(strings.Repeat("x", 256))},
			"limit":             {"a", []eventbus.Event{large}},
		} {
			_, err := b.Append(s.Context(), try.stream, eventstore.Any, try.events...)
			s.is(err, fault.InvalidArgument, part)
		}
		s.same("all", b.all())
	}},
	{"large events and many at once are stored", func(s *subject) {
		b := s.store()
		var events []eventbus.Event
		for i := range 3 {
			events = append(events, eventbus.Event{ID: fmt.Sprint("l", i), Type: "large", DataContentType: "application/octet-stream", Data: make([]byte, 2900<<10)})
		}
		if _, err := b.Append(s.Context(), "a", eventstore.NoStream, events...); err != nil {
			s.Fatal(err)
		}
		var ids []string
		for i := range 1100 {
			ids = append(ids, fmt.Sprintf("%04d", i))
		}
		b.append("b", ids...)
		s.same("stream b", b.stream("b"), ids...)
		if got := len(b.all()); got != 1103 {
			s.Errorf("there are %d events", got)
		}
	}},
	{"names differ by case, accents and kind of characters", func(s *subject) {
		b := s.store()
		for i, name := range []string{"order/é", "order/e", "Order/e", "事/😀", "a%", "a_"} {
			if _, err := b.Append(s.Context(), name, eventstore.NoStream, eventsOf(fmt.Sprint(i))...); err != nil {
				s.Errorf("%s: %v", name, err)
			}
		}
	}},
}
