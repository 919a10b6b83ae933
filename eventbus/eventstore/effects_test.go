package eventstore_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/eventbus/eventstore"
	"github.com/sinew-go/sinew/tracing"
)

var effects = []rule{
	{"an event of a later version waits for a program that reads it", func(s *subject) {
		b := s.store()
		second := added
		second.Version = 2
		if err := second.Publish(s.Context(), b.To("counter/a", eventstore.NoStream), Added{5}); err != nil {
			s.Fatal(err)
		}
		old := b.projector(s.sums(1, 1, nil))
		stop := b.run(old)
		s.eventually("the stop", func() bool { return b.status().Failing == 1 })
		if reason := b.status().Reason; !strings.Contains(reason, "version 2") {
			s.Errorf("the reason is %q", reason)
		}
		stop()
		next := s.sums(1, 1, nil)
		next.Handlers = []eventstore.Handler{eventstore.When(second, func(ctx context.Context, in eventstore.Effect, e Added) error {
			return in.Exec(ctx, `INSERT INTO {table} (counter, total) VALUES (?, ?)`, in.Event.Stream, e.N)
		})}
		p := b.projector(next)
		b.run(p)
		s.eventually("the resumption", func() bool { return b.status().Position == 1 })
		b.projects(p, map[string]int{"a": 5})
	}},
	{"a handler reads what it has written", func(s *subject) {
		b := s.store()
		b.add("a", 1, 2, 3)
		p := b.projector(eventstore.Projection{
			Name: "largest_" + s.table, Create: []string{`CREATE TABLE IF NOT EXISTS {table} (counter VARCHAR(64) PRIMARY KEY, total BIGINT NOT NULL)`},
			Every: func(ctx context.Context, in eventstore.Effect) error {
				rows, err := in.Query(ctx, `SELECT COUNT(*) FROM {table} WHERE counter <> ?`, "x")
				if err != nil {
					return err
				}
				defer func() { _ = rows.Close() }()
				rows.Next()
				var n int
				if err := rows.Scan(&n); err != nil {
					return err
				}
				_ = rows.Close()
				return in.Exec(ctx, `INSERT INTO {table} VALUES (?, ?)`, fmt.Sprint(n), in.Event.Version)
			},
		})
		b.run(p)
		b.projects(p, map[string]int{"0": 1, "1": 2, "2": 3})
	}},
	{"a handler that takes long holds up no lease, and what is done stays done", func(s *subject) {
		b := s.store(func(c *eventstore.Config) { c.Lease = time.Second })
		var ids []string
		for i := range 60 {
			ids = append(ids, fmt.Sprint(i))
		}
		b.append("a", ids...)
		var calls atomic.Int64
		p := b.projector(eventstore.Projection{Name: "slow_" + s.table, Every: func(context.Context, eventstore.Effect) error {
			calls.Add(1)
			<-time.After(40 * time.Millisecond)
			return nil
		}})
		b.run(p)
		s.eventually("a part", func() bool { at := b.status(); return at.Position > 0 && at.Position < 60 && !at.CaughtUp })
		s.eventually("the end", func() bool { at := b.status(); return at.Position == 60 && at.CaughtUp })
		if calls.Load() >= 120 {
			s.Errorf("60 events took %d calls", calls.Load())
		}
	}},
	{"a handler runs in the trace of the append", func(s *subject) {
		b := s.store()
		trace := tracing.Extract(s.Context(), tracing.Map{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
		if _, err := add(trace, counters, b.Store, "a", 1); err != nil {
			s.Fatal(err)
		}
		seen := make(chan string, 9)
		p := b.projector(eventstore.Projection{Name: "traced_" + s.table, Every: func(ctx context.Context, _ eventstore.Effect) error {
			seen <- fmt.Sprint(tracing.SpanContextOf(ctx).TraceID)
			return nil
		}})
		b.run(p)
		if got := <-seen; got != "0af7651916cd43dd8448eb211c80319c" {
			s.Errorf("the trace is %s", got)
		}
	}},
}
