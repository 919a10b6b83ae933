package outbox_test

import (
	"context"
	"database/sql"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/outbox"
	"github.com/sinew-go/sinew/fault"
)

var enduring = []rule{
	{"an event is parked whatever bytes the reason has", func(s *subject) {
		to := &bus{}
		to.failWith(func(string, eventbus.Event) error {
			return fault.InvalidArgument.Errorf("\x00 \xff 事 😀")
		})
		b := s.box(to)
		b.write("事", "k", "1")
		b.run()
		s.eventually("the parked one", func() bool { return b.stats().Parked == 1 })
	}},
	{"a bus that panics fails a topic, and delays no other", func(s *subject) {
		to := &bus{}
		to.failWith(func(topic string, _ eventbus.Event) error {
			if topic == "down" {
				panic("a defect of the bus")
			}
			return nil
		})
		b := s.box(to)
		b.write("down", "k", "1")
		b.write("up", "k", "2")
		b.run()
		s.eventually("the other topic", func() bool { return to.count() == 1 })
		to.failWith(func(string, eventbus.Event) error { return nil })
		s.eventually("both", func() bool { return to.count() == 2 })
	}},
	{"a topic that fails does not delay one with the same letters in another case", func(s *subject) {
		to := &bus{}
		var tries atomic.Int64
		to.failWith(func(topic string, _ eventbus.Event) error {
			if topic == "made" {
				tries.Add(1)
				return fault.Unavailable.Errorf("no")
			}
			return nil
		})
		b := s.box(to)
		b.write("made", "k", "1")
		b.run()
		s.eventually("some failures", func() bool { return tries.Load() >= 5 })
		failures := tries.Load()
		b.write("MADE", "k", "2")
		b.Wake()
		s.eventually("the other topic", func() bool { return to.count() == 1 })
		if tries.Load() != failures {
			s.Error("it waited for the one that fails")
		}
	}},
	{"a transaction that does not end delays no event of another", func(s *subject) {
		if s.Driver == "sqlite" {
			return // one transaction writes at a time
		}
		to := &bus{}
		b := s.box(to)
		b.write("made", "k", "1")
		long, err := b.db.BeginTx(s.Context(), nil)
		if err != nil {
			s.Fatal(err)
		}
		defer func() { _ = long.Rollback() }()
		for _, p := range []eventbus.Publisher{b.In(long), b.At(long, time.Now())} {
			if err := p.Publish(s.Context(), "made", eventsOf("k2", "long")...); err != nil {
				s.Fatal(err)
			}
		}
		b.write("made", "k", "2")
		b.within(func(tx *sql.Tx) error {
			return b.At(tx, time.Now()).Publish(s.Context(), "made", eventsOf("k", "3")...)
		})
		b.run()
		began := time.Now()
		s.eventually("the others", func() bool { return to.count() == 3 && b.stats().Waiting == 0 })
		if took := time.Since(began); took > 3*time.Second {
			s.Errorf("it took %s", took)
		}
	}},
	{"events that are due are published while others come without a pause", func(s *subject) {
		to := &bus{}
		b := s.box(to)
		batch := make([]string, 512)
		batch[0] = "first"
		to.failWith(func(_ string, e eventbus.Event) error {
			if e.ID == "first" { // a batch waits whenever one was published
				b.write("made", "", batch...)
			}
			return nil
		})
		b.write("made", "", batch...)
		stop := b.run()
		b.within(func(tx *sql.Tx) error {
			return b.At(tx, time.Now().Add(time.Second)).Publish(s.Context(), "made", eventsOf("due", "due")...)
		})
		for end := time.Now().Add(20 * time.Second); len(to.ids("due")) == 0; <-time.After(5 * time.Millisecond) {
			if time.Now().After(end) {
				s.Error("the event is not published")
				break
			}
		}
		to.failWith(func(string, eventbus.Event) error { return nil })
		stop()
	}},
	{"events with one ID are different if their sources are, whatever these consist of", func(s *subject) {
		b := s.box(nil)
		for _, e := range []eventbus.Event{{Source: "a", ID: "b|c"}, {Source: "a|b", ID: "c"}} {
			e.Source, e.ID = strings.ReplaceAll(e.Source, "|", "\x00"), strings.ReplaceAll(e.ID, "|", "\x00")
			b.within(func(tx *sql.Tx) error {
				isNew, err := b.IsNew(eventbus.ContextWithEvent(s.Context(), e, eventbus.Delivery{}), tx, "ledger")
				if !isNew {
					s.Errorf("%q is not new", e.Source)
				}
				return err
			})
		}
	}},
	{"the outboxes of one process are counted in one registry", func(s *subject) {
		registry := prometheus.NewPedanticRegistry()
		for _, table := range []string{s.table, s.table + "b"} {
			b := s.box(nil, func(c *outbox.Config) { c.Table = table })
			if err := registry.Register(b); err != nil {
				s.Error(err)
			}
		}
		families, err := registry.Gather()
		if err != nil {
			s.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "sinew_outbox_oldest_seconds" && len(f.GetMetric()) != 2 {
				s.Errorf("there are %d outboxes", len(f.GetMetric()))
			}
		}
	}},
	{"Run ends with its context while the database does not answer, and while another Run runs", func(s *subject) {
		b := s.box(&bus{})
		b.db.SetMaxOpenConns(1)
		conn, err := b.db.Conn(s.Context())
		if err != nil {
			s.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		ctx, cancel := context.WithCancel(s.Context())
		var both sync.WaitGroup
		both.Go(func() { b.Run(ctx) })
		both.Go(func() { b.Run(ctx) })
		ended := make(chan struct{})
		go func() { both.Wait(); close(ended) }()
		<-time.After(50 * time.Millisecond) // until they wait
		cancel()
		select {
		case <-ended:
		case <-time.After(15 * time.Second):
			s.Error("Run goes on")
			_ = conn.Close()
			<-ended
		}
	}},
}
