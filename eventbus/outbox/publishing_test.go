package outbox_test

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/outbox"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/tracing"
)

var publishing = []rule{
	{"an event is published if its transaction commits, and never otherwise", func(s *subject) {
		to := &bus{}
		b := s.box(to)
		b.run()
		tx, err := b.db.BeginTx(s.Context(), nil)
		if err != nil {
			s.Fatal(err)
		}
		if err := b.In(tx).Publish(s.Context(), "made", eventsOf("k", "undone")...); err != nil {
			s.Fatal(err)
		}
		_ = tx.Rollback()
		b.write("made", "k", "done")
		b.Wake()
		s.eventually("the event", func() bool { return to.count() > 0 })
		s.never("a second event", func() bool { return to.count() > 1 })
		if got := to.ids("k"); !slices.Equal(got, []string{"done"}) {
			s.Errorf("published: %q", got)
		}
	}},
	{"an event arrives as it was written, with the trace of its transaction", func(s *subject) {
		to := &bus{}
		b := s.box(to, func(c *outbox.Config) { c.Source = "shop" })
		tracer := &tracing.Recorder{}
		ctx, span := tracer.Start(s.Context(), "place", tracing.Internal)
		text := strings.Repeat("\x00ÿ\n'\"\\", 10_000)
		want := eventbus.Event{ID: "i", Subject: "s", Key: "k", DataContentType: "application/octet-stream", Extensions: map[string]string{"tenant": "t"}, Data: []byte(text)}
		b.within(func(tx *sql.Tx) error { return b.In(tx).Publish(ctx, "made", want) })
		b.run()
		s.eventually("the event", func() bool { return to.count() > 0 })
		got := to.seen[0]
		if got.ID != "i" || got.Source != "shop" || got.Subject != "s" || got.Extensions["tenant"] != "t" || string(got.Data) != text || got.Type != "made" {
			s.Errorf("published: %.300v", got)
		}
		if parent := got.Extensions["traceparent"]; !strings.Contains(parent, tracing.SpanContextOf(ctx).TraceID.String()) {
			s.Errorf("its trace is %q", parent)
		}
		span.End(nil)
	}},
	{"events of a key are published in the order in which they were written", func(s *subject) {
		to := &bus{}
		b, another := s.box(to), s.box(to)
		b.run()
		another.run()
		const keys, each = 8, 150
		var writers sync.WaitGroup
		for k := range keys {
			from := []*box{b, another}[k%2]
			writers.Go(func() {
				for i := range each / 3 {
					from.write(fmt.Sprint("made", k%3), fmt.Sprint(k), fmt.Sprintf("%04d", 3*i), fmt.Sprintf("%04d", 3*i+1), fmt.Sprintf("%04d", 3*i+2))
					from.Wake()
				}
			})
		}
		writers.Wait()
		s.eventually("all events", func() bool { return to.count() >= keys*each })
		for k := range keys {
			if got := to.ids(fmt.Sprint(k)); len(got) != each || !slices.IsSorted(got) {
				s.Errorf("key %d: %d events, in order: %v", k, len(got), slices.IsSorted(got))
			}
		}
	}},
	{"a late commit is not skipped", func(s *subject) {
		if s.Driver == "sqlite" {
			return // one transaction writes at a time
		}
		to := &bus{}
		b := s.box(to)
		b.run()
		late, err := b.db.BeginTx(s.Context(), nil)
		if err != nil {
			s.Fatal(err)
		}
		if err := b.In(late).Publish(s.Context(), "made", eventsOf("late", "late")...); err != nil {
			s.Fatal(err)
		}
		b.write("made", "k", "early")
		s.eventually("the early event", func() bool { return to.count() == 1 })
		if err := late.Commit(); err != nil {
			s.Fatal(err)
		}
		s.eventually("the late event", func() bool { return len(to.ids("late")) == 1 })
	}},
	{"more events than a batch are all published", func(s *subject) {
		to := &bus{}
		b := s.box(to)
		var ids []string
		for i := range 1500 {
			ids = append(ids, fmt.Sprintf("%04d", i))
		}
		b.write("made", "", ids...)
		b.write("made", "k", ids...)
		b.run()
		s.eventually("all", func() bool { return to.count() == 3000 })
		s.eventually("an empty outbox", func() bool { return b.stats().Waiting == 0 })
		if got := to.ids("k"); !slices.Equal(got, ids) {
			s.Error("those of a key are out of order")
		}
	}},
	{"what was written before the end of Run is published by it", func(s *subject) {
		to := &bus{}
		b := s.box(to, func(c *outbox.Config) { c.Poll = time.Hour })
		stop := b.run()
		s.eventually("the lease", func() bool { return b.leads() })
		b.write("made", "k", "last")
		stop()
		if to.count() != 1 {
			s.Errorf("published: %d", to.count())
		}
	}},
	{"an event that is none is refused before the database is asked", func(s *subject) {
		b := s.box(nil)
		for _, c := range []struct {
			topic string
			event eventbus.Event
		}{
			{"", eventbus.Event{}},
			{strings.Repeat("t", 256), eventbus.Event{}},
			{"made", eventbus.Event{Subject: "\xff"}},
			{"made", eventbus.Event{Extensions: map[string]string{"UPPER": "x"}}},
		} {
			if err := b.In(nil).Publish(s.Context(), c.topic, c.event); !errors.Is(err, fault.InvalidArgument) {
				s.Errorf("%.20q, %v: %v", c.topic, c.event.Extensions, err)
			}
		}
	}},
	{"its own bus in memory may lose what it has: it is sent again by the next process", func(s *subject) {
		to := &bus{}
		resend := func(c *outbox.Config) { c.Resend = time.Hour }
		b := s.box(to, resend)
		stop := b.run()
		b.write("made", "k", "1", "2")
		s.eventually("both", func() bool { return to.count() == 2 })
		stop()
		s.box(to, resend).run()
		s.eventually("both again", func() bool { return to.count() == 4 })
		if got := to.ids("k"); !slices.Equal(got, []string{"1", "2", "1", "2"}) {
			s.Errorf("published: %q", got)
		}
	}},
}

// leads reports whether a process holds the lease.
func (b *box) leads() bool {
	var holder string
	if err := b.db.QueryRowContext(b.s.Context(), "SELECT holder FROM "+b.s.table+"_lease").Scan(&holder); err != nil {
		b.s.Fatal(err)
	}
	return holder != ""
}
