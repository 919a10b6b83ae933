package eventstore_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/eventstore"
	"github.com/sinew-go/sinew/fault"
)

var rebuilding = []rule{
	{"a new version builds beside the one that serves, and serves once it has caught up", func(s *subject) {
		b := s.store()
		b.add("a", 1, 2)
		first := b.projector(s.sums(1, 1, nil))
		b.run(first)
		b.projects(first, map[string]int{"a": 3})

		another := s.store()
		var bad atomic.Bool
		bad.Store(true)
		b.add("a", 13)
		b.projects(first, map[string]int{"a": 16})
		second := another.projector(s.sums(2, 10, &bad))
		another.run(second)
		s.eventually("a part of the new one", func() bool {
			all, err := b.Projections(s.Context())
			return err == nil && len(all) == 2 && all[1].Failing > 0
		})
		if got := another.totals(second)["a"]; got != 16 {
			s.Errorf("while it builds, %d is read, want 16 of the first version", got)
		}
		s.is(second.Ready(s.Context()), fault.Unavailable, "version 2")
		b.add("b", 1)
		b.projects(first, map[string]int{"a": 16, "b": 1})
		bad.Store(false)
		s.eventually("the switch", func() bool { return second.Ready(s.Context()) == nil })
		another.projects(second, map[string]int{"a": 160, "b": 10})
		b.add("b", 1)
		b.projects(first, map[string]int{"a": 16, "b": 2}) // for programs that know no other
		another.projects(second, map[string]int{"a": 160, "b": 20})
	}},
	{"an old version is removed, and a new one of the same number begins anew", func(s *subject) {
		b := s.store()
		b.add("a", 1)
		p := b.projector(s.sums(1, 1, nil))
		stop := b.run(p)
		b.projects(p, map[string]int{"a": 1})
		stop()
		if err := p.Remove(s.Context(), 1); err != nil {
			s.Fatal(err)
		}
		if all, err := b.Projections(s.Context()); err != nil || len(all) != 0 {
			s.Errorf("projections: %v, %v", all, err)
		}
		s.is(p.Wait(s.Context()), fault.FailedPrecondition, "sums", "Create")
		p = b.projector(s.sums(1, 2, nil))
		b.run(p)
		b.projects(p, map[string]int{"a": 2})
	}},
	{"a rebuild of many events is in batches", func(s *subject) {
		b := s.store()
		tx := b.begin()
		in := b.In(tx)
		for i := range 11 {
			all := make([]eventbus.Event, 100)
			for n := range all {
				all[n] = eventbus.Event{Type: added.Name, Data: []byte(`{"N":1}`)}
			}
			if _, err := in.Append(s.Context(), fmt.Sprint("counter/", i), eventstore.Any, all...); err != nil {
				s.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			s.Fatal(err)
		}
		want := map[string]int{}
		for i := range 11 {
			want[fmt.Sprint(i)] = 100
		}
		p := b.projector(s.sums(1, 1, nil))
		b.run(p)
		b.projects(p, want)
	}},
	{"many instances create the tables at once", func(s *subject) {
		if s.Driver == "sqlite" {
			return // has a file each time
		}
		b := s.store()
		p := b.Project(s.sums(1, 1, nil))
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if err := b.Create(s.Context()); err != nil {
					s.Error(err)
				}
				if err := p.Create(s.Context()); err != nil {
					s.Error(err)
				}
			})
		}
		all.Wait()
	}},
	{"positions, lag and failures are metrics", func(s *subject) {
		b := s.store()
		var bad atomic.Bool
		bad.Store(true)
		b.add("a", 1, 13, 2)
		b.run(b.projector(s.sums(3, 1, &bad)))
		s.eventually("the stop", func() bool { return b.status().Failing == 2 })
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(b)
		want := strings.ReplaceAll(`
# HELP sinew_eventstore_appended_total Events that this process has appended, those of transactions that were rolled back included.
# TYPE sinew_eventstore_appended_total counter
sinew_eventstore_appended_total{table="NAME"} 3
# HELP sinew_eventstore_position Position of the last event.
# TYPE sinew_eventstore_position gauge
sinew_eventstore_position{table="NAME"} 3
# HELP sinew_projection_failing 1 while the projection stands at an event that it cannot handle.
# TYPE sinew_projection_failing gauge
sinew_projection_failing{projection="sums_NAME",table="NAME",version="3"} 1
# HELP sinew_projection_lag_events Events that the projection has not handled.
# TYPE sinew_projection_lag_events gauge
sinew_projection_lag_events{projection="sums_NAME",table="NAME",version="3"} 2
# HELP sinew_projection_position Position of the last event that the projection has handled.
# TYPE sinew_projection_position gauge
sinew_projection_position{projection="sums_NAME",table="NAME",version="3"} 1
`, "NAME", s.table)
		err := testutil.GatherAndCompare(registry, strings.NewReader(want), "sinew_eventstore_appended_total", "sinew_eventstore_position",
			"sinew_projection_failing", "sinew_projection_lag_events", "sinew_projection_position")
		if err != nil {
			s.Error(err)
		}
	}},
	{"Run ends with its context while the database does not answer, and while another Run runs", func(s *subject) {
		b := s.store()
		p := b.projector(s.sums(1, 1, nil))
		b.db.SetMaxOpenConns(1)
		conn, err := b.db.Conn(s.Context())
		if err != nil {
			s.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		ctx, cancel := context.WithCancel(s.Context())
		var both sync.WaitGroup
		both.Go(func() { p.Run(ctx) })
		both.Go(func() { p.Run(ctx) })
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
