package eventstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/eventstore"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/tracing"
)

// sums is a projection of the sum of each counter, in which an event that counts twice is
// seen. Each N is multiplied by factor, and one of 13 fails while bad is true.
func (s *subject) sums(version, factor int, bad *atomic.Bool) eventstore.Projection {
	return eventstore.Projection{
		Name: "sums_" + s.table, Version: version,
		Create: []string{`CREATE TABLE IF NOT EXISTS {table} (counter VARCHAR(64) PRIMARY KEY, total BIGINT NOT NULL)`},
		Drop:   []string{`DROP TABLE IF EXISTS {table}`},
		Handlers: []eventstore.Handler{eventstore.When(added, func(ctx context.Context, in eventstore.Effect, e Added) error {
			if e.N == 13 && bad != nil && bad.Load() {
				return fault.InvalidArgument.Errorf("13 is \x00 \xff no number")
			}
			if e.N == 666 {
				panic("a defect")
			}
			changed, err := in.Update(ctx, `UPDATE {table} SET total = total + ? WHERE counter = ?`, e.N*factor, in.Event.Stream)
			if err != nil || changed > 0 {
				return err
			}
			return in.Exec(ctx, `INSERT INTO {table} (counter, total) VALUES (?, ?)`, in.Event.Stream, e.N*factor)
		})},
	}
}

// projector returns a projector with its tables.
func (b *store) projector(p eventstore.Projection) *eventstore.Projector {
	b.s.Helper()
	all := b.Project(p)
	if err := all.Create(b.s.Context()); err != nil {
		b.s.Fatal(err)
	}
	return all
}

// run runs a projector until stop, or the end of the test.
func (b *store) run(p *eventstore.Projector) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { p.Run(ctx) })
	stop = func() { cancel(); running.Wait() }
	b.s.Cleanup(stop)
	return stop
}

// totals returns what the projection says.
func (b *store) totals(p *eventstore.Projector) map[string]int {
	b.s.Helper()
	rows, err := p.Query(b.s.Context(), `SELECT counter, total FROM {table} WHERE total <> ?`, -1)
	if err != nil {
		b.s.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	all := map[string]int{}
	for rows.Next() {
		var counter string
		var total int
		if err := rows.Scan(&counter, &total); err != nil {
			b.s.Fatal(err)
		}
		all[strings.TrimPrefix(counter, "counter/")] = total
	}
	return all
}

// projects waits until the projection has come to the end, and checks what it says.
func (b *store) projects(p *eventstore.Projector, want map[string]int) {
	b.s.Helper()
	ctx, cancel := context.WithTimeout(b.s.Context(), time.Minute)
	defer cancel()
	if err := p.Wait(ctx); err != nil {
		b.s.Fatal(err)
	}
	if got := b.totals(p); !maps.Equal(got, want) {
		b.s.Errorf("the projection says %v, want %v", got, want)
	}
}

// add adds to a counter.
func (b *store) add(id string, ns ...int) {
	b.s.Helper()
	for _, n := range ns {
		if _, err := add(b.s.Context(), counters, b.Store, id, n); err != nil {
			b.s.Fatal(err)
		}
	}
}

// status returns that of the only version of a projection.
func (b *store) status() eventstore.Status {
	b.s.Helper()
	all, err := b.Projections(b.s.Context())
	if err != nil || len(all) != 1 {
		b.s.Fatalf("projections: %+v, %v", all, err)
	}
	return all[0]
}

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
		if s.driver == "sqlite" {
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

var _ eventstore.Tx = (*sql.Tx)(nil)
