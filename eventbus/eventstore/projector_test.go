package eventstore_test

import (
	"context"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/eventbus/eventstore"
	"github.com/sinew-go/sinew/fault"
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
