package eventstore_test

import (
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/eventbus/eventstore"
	"github.com/sinew-go/sinew/fault"
)

var projecting = []rule{
	{"a projection says what the events say, those before it and those after", func(s *subject) {
		b := s.store()
		b.add("a", 1, 2, 3)
		b.append("other", "x") // which it does not read
		p := b.projector(s.sums(1, 1, nil))
		b.run(p)
		b.projects(p, map[string]int{"a": 6})
		if err := p.Ready(s.Context()); err != nil {
			s.Error(err)
		}
		b.add("b", 5)
		b.add("a", 4)
		b.projects(p, map[string]int{"a": 10, "b": 5})
	}},
	{"it goes on where it was, in another process", func(s *subject) {
		b := s.store()
		p := b.projector(s.sums(1, 1, nil))
		stop := b.run(p)
		b.add("a", 1)
		b.projects(p, map[string]int{"a": 1})
		stop()
		b.add("a", 2)
		another := s.store()
		q := another.projector(s.sums(1, 1, nil))
		another.run(q)
		another.projects(q, map[string]int{"a": 3})
	}},
	{"of many processes one runs it, and each event counts once", func(s *subject) {
		var all []*store
		var p *eventstore.Projector
		for range 3 {
			b := s.store(func(c *eventstore.Config) { c.Lease = time.Second })
			all = append(all, b)
			p = b.projector(s.sums(1, 1, nil))
			b.run(p)
		}
		var adding sync.WaitGroup
		for i, b := range all {
			adding.Go(func() {
				for range 8 {
					b.add(fmt.Sprint(i), 1)
				}
			})
		}
		adding.Wait()
		all[2].projects(p, map[string]int{"0": 8, "1": 8, "2": 8})
	}},
	{"a runner that another one has overtaken changes nothing", func(s *subject) {
		b := s.store()
		b.add("a", 1, 2)
		p := b.projector(s.sums(1, 1, nil))
		b.run(p)
		b.projects(p, map[string]int{"a": 3})
		another := s.store()
		q := another.projector(s.sums(1, 1, nil))
		another.exec("UPDATE {events}_lease SET holder = 'me', expires_at = 0") // both believe that they lead
		another.run(q)
		for range 20 {
			b.add("a", 1)
		}
		b.projects(p, map[string]int{"a": 23})
	}},
	{"an event that cannot be handled stops it visibly, with what was before it done", func(s *subject) {
		b := s.store()
		var bad atomic.Bool
		bad.Store(true)
		b.add("a", 1, 2, 13, 3)
		p := b.projector(s.sums(1, 1, &bad))
		b.run(p)
		s.eventually("the stop", func() bool { return b.status().Failing == 3 })
		at := b.status()
		if at.Position != 2 || at.Lag != 2 || at.CaughtUp || at.Since.IsZero() || !strings.Contains(at.Reason, "no number") || at.Delay < 0 {
			s.Errorf("status: %+v", at)
		}
		if got := b.totals(p)["a"]; got != 3 {
			s.Errorf("the total is %d, want 3", got)
		}
		s.is(p.Wait(s.Context()), fault.Unavailable, "sums", "position 3", "no number")
		s.is(p.Ready(s.Context()), fault.Unavailable, "sums", "position 2")
		bad.Store(false)
		s.eventually("the resumption", func() bool { return b.status().Position == 4 })
		b.projects(p, map[string]int{"a": 19})
		if at := b.status(); at.Failing != 0 || at.Reason != "" || at.Lag != 0 || !at.CaughtUp {
			s.Errorf("status: %+v", at)
		}
	}},
	{"an event is skipped by hand, at which it stands and no other", func(s *subject) {
		b := s.store()
		b.add("a", 1, 666, 3)
		p := b.projector(s.sums(1, 1, nil))
		b.run(p)
		s.eventually("the stop", func() bool { return b.status().Failing == 2 })
		if reason := b.status().Reason; !strings.Contains(reason, "a defect") {
			s.Errorf("the reason is %q", reason)
		}
		for _, position := range []int64{0, 1, 3} {
			s.is(b.Skip(s.Context(), "sums_"+s.table, 1, position), fault.FailedPrecondition, "sums")
		}
		if err := b.Skip(s.Context(), "sums_"+s.table, 1, 2); err != nil {
			s.Fatal(err)
		}
		s.eventually("the rest", func() bool { return b.status().Position == 3 })
		b.projects(p, map[string]int{"a": 4})
		if at := b.status(); at.Skipped != 1 || at.Failing != 0 {
			s.Errorf("status: %+v", at)
		}
	}},
	{"events that cannot be read stop it, by type, version and content", func(s *subject) {
		b := s.store()
		p := b.projector(s.sums(1, 1, nil))
		b.add("a", 1)
		b.exec(`UPDATE {events} SET event = 'trunc'`)
		b.run(p)
		s.eventually("the stop", func() bool { return b.status().Failing == 1 })
		if reason := b.status().Reason; !strings.Contains(reason, "cannot be read") {
			s.Errorf("the reason is %q", reason)
		}
	}},
}

var _ eventstore.Tx = (*sql.Tx)(nil)
