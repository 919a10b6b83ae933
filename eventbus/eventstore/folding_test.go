package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/eventstore"
	"github.com/sinew-go/sinew/fault"
)

// Added is an amount that a counter has grown by.
type Added struct{ N int }

var added = eventbus.Topic[Added]{Name: "counter.added"}

// Counter is what a stream of Added is.
type Counter struct{ Sum, Events int }

func (c Counter) added(e Added) Counter { return Counter{c.Sum + e.N, c.Events + 1} }

var counters = eventstore.Aggregate[Counter]{Name: "counter", Folds: eventstore.Folds[Counter]{eventstore.On(added, Counter.added)}}

// add adds n to a counter.
func add(ctx context.Context, a eventstore.Aggregate[Counter], in *eventstore.Store, id string, n int) (Counter, error) {
	return a.Update(ctx, in, id, func(ctx context.Context, _ Counter, to eventbus.Publisher) error {
		return added.Publish(ctx, to, Added{n})
	})
}

// loads checks the state of a counter.
func (b *store) loads(a eventstore.Aggregate[Counter], id string, want Counter) {
	b.s.Helper()
	got, version, err := a.Load(b.s.Context(), b.Store, id)
	if err != nil || got != want || version != int64(want.Events) {
		b.s.Errorf("counter %s: %+v at version %d, %v; want %+v", id, got, version, err, want)
	}
}

func (b *store) exec(statement string, args ...any) {
	b.s.Helper()
	if _, err := b.db.ExecContext(b.s.Context(), strings.ReplaceAll(statement, "{events}", b.s.table), args...); err != nil {
		b.s.Fatal(err)
	}
}

var folding = []rule{
	{"a state is the fold of its stream, and the zero value without events", func(s *subject) {
		b := s.store()
		b.loads(counters, "a", Counter{})
		for n := range 3 {
			got, err := add(s.Context(), counters, b.Store, "a", n)
			if want := (Counter{n * (n + 1) / 2, n + 1}); err != nil || got != want {
				s.Errorf("update %d returns %+v, %v; want %+v", n, got, err, want)
			}
		}
		b.loads(counters, "a", Counter{3, 3})
		b.loads(counters, "b", Counter{})
	}},
	{"many that update at once all succeed", func(s *subject) {
		b := s.store()
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 5 {
					for {
						_, err := add(s.Context(), counters, b.Store, "a", 1)
						if err == nil {
							break
						}
						if !errors.Is(err, fault.Aborted) {
							s.Error(err)
							return
						}
					}
				}
			})
		}
		all.Wait()
		b.loads(counters, "a", Counter{20, 20})
	}},
	{"an update that finds another version decides again, ten times at most", func(s *subject) {
		b := s.store()
		tries := 0
		meddle := func(until int) error {
			tries = 0
			_, err := counters.Update(s.Context(), b.Store, "a", func(ctx context.Context, c Counter, to eventbus.Publisher) error {
				if tries++; tries < until {
					b.append("counter/a", fmt.Sprint(c.Events))
				}
				return added.Publish(ctx, to, Added{1})
			})
			return err
		}
		all := eventstore.Folds[Counter]{eventstore.On(added, Counter.added), eventstore.On(eventbus.Topic[string]{Name: "made"}, func(c Counter, _ string) Counter { c.Events++; return c })}
		before := counters.Folds
		defer func() { counters.Folds = before }()
		counters.Folds = all
		if err := meddle(4); err != nil || tries != 4 {
			s.Errorf("after %d tries: %v", tries, err)
		}
		s.is(meddle(100), fault.Aborted, "counter/a")
		if tries != 10 {
			s.Errorf("it tried %d times, want 10", tries)
		}
	}},
	{"an update within a transaction commits with it, and is tried once", func(s *subject) {
		b := s.store()
		tx := b.begin()
		if _, err := add(s.Context(), counters, b.In(tx), "a", 5); err != nil {
			s.Fatal(err)
		}
		if got, _, err := counters.Load(s.Context(), b.In(tx), "a"); err != nil || got.Sum != 5 {
			s.Errorf("within the transaction: %+v, %v", got, err)
		}
		if err := tx.Rollback(); err != nil {
			s.Fatal(err)
		}
		b.loads(counters, "a", Counter{})
		tx = b.begin()
		if _, err := add(s.Context(), counters, b.In(tx), "a", 5); err != nil {
			s.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			s.Fatal(err)
		}
		b.loads(counters, "a", Counter{5, 1})
	}},
	{"what decide refuses is not appended, and neither is nothing", func(s *subject) {
		b := s.store()
		refused := errors.New("refused")
		_, err := counters.Update(s.Context(), b.Store, "a", func(ctx context.Context, _ Counter, to eventbus.Publisher) error {
			return errors.Join(added.Publish(ctx, to, Added{1}), refused)
		})
		if !errors.Is(err, refused) {
			s.Error(err)
		}
		if _, err := counters.Update(s.Context(), b.Store, "a", func(context.Context, Counter, eventbus.Publisher) error { return nil }); err != nil {
			s.Error(err)
		}
		_, err = counters.Update(s.Context(), b.Store, "a", func(ctx context.Context, _ Counter, to eventbus.Publisher) error {
			return to.Publish(ctx, "unknown", eventbus.Event{})
		})
		s.is(err, fault.InvalidArgument, "aggregate counter", "unknown")
		s.same("all", b.all())
	}},
	{"an event that the aggregate cannot read is said, and nothing is decided without it", func(s *subject) {
		b := s.store()
		append := func(id string, e eventbus.Event) {
			if _, err := b.Append(s.Context(), counters.Stream(id), eventstore.Any, e); err != nil {
				s.Fatal(err)
			}
		}
		append("unknown", eventbus.Event{Type: "counter.reset"})
		append("later", eventbus.Event{Type: added.Name, Data: []byte(`{}`)}.WithExtension(eventbus.DataVersion, "2"))
		append("garbled", eventbus.Event{Type: added.Name, Data: []byte(`{"N": "x"}`)})
		append("truncated", eventbus.Event{Type: added.Name, Data: []byte(`{}`)})
		b.exec(`UPDATE {events} SET event = 'trunc' WHERE stream = 'counter/truncated'`)
		for id, class := range map[string]fault.Code{"unknown": fault.FailedPrecondition, "later": fault.FailedPrecondition, "garbled": fault.DataLoss, "truncated": fault.DataLoss} {
			_, _, err := counters.Load(s.Context(), b.Store, id)
			s.is(err, class, "counter/"+id, "version 1")
			_, err = add(s.Context(), counters, b.Store, id, 1)
			s.is(err, class, "counter/"+id)
		}
	}},
	{"events of earlier versions are read as the topic says", func(s *subject) {
		b := s.store()
		if _, err := add(s.Context(), counters, b.Store, "a", 7); err != nil {
			s.Fatal(err)
		}
		second := eventbus.Topic[string]{Name: added.Name, Version: 2, Earlier: map[int]func([]byte) (string, error){
			1: eventbus.Upcast(func(old Added) (string, error) { return fmt.Sprint("+", old.N), nil }),
		}}
		texts := eventstore.Aggregate[string]{Name: "counter", Folds: eventstore.Folds[string]{eventstore.On(second, func(all, e string) string { return all + e })}}
		got, err := texts.Update(s.Context(), b.Store, "a", func(ctx context.Context, _ string, to eventbus.Publisher) error { return second.Publish(ctx, to, "+8") })
		if err != nil || got != "+7+8" {
			s.Errorf("got %q, %v", got, err)
		}
		if got, _, err := texts.Load(s.Context(), b.Store, "a"); err != nil || got != "+7+8" {
			s.Errorf("got %q, %v", got, err)
		}
	}},
	{"a state is loaded from a snapshot and the events after it", func(s *subject) {
		b := s.store()
		a := counters
		a.SnapshotEvery = 3
		for range 5 {
			if _, err := add(s.Context(), a, b.Store, "a", 1); err != nil {
				s.Fatal(err)
			}
		}
		b.exec(`UPDATE {events} SET event = 'x' WHERE version <= 3`) // which only a snapshot makes good
		b.loads(a, "a", Counter{5, 5})
		if _, err := add(s.Context(), a, b.Store, "a", 1); err != nil {
			s.Fatal(err)
		}
		b.exec(`UPDATE {events} SET event = 'x' WHERE version <= 6`)
		b.loads(a, "a", Counter{6, 6})
		tx := b.begin()
		for range 3 {
			if _, err := add(s.Context(), a, b.In(tx), "a", 1); err != nil {
				s.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			s.Fatal(err)
		}
		b.exec(`UPDATE {events} SET event = 'x'`)
		b.loads(a, "a", Counter{9, 9})
	}},
	{"a snapshot of another version, or one that cannot be read, is ignored", func(s *subject) {
		b := s.store()
		a := counters
		a.SnapshotEvery = 1
		for range 2 {
			if _, err := add(s.Context(), a, b.Store, "a", 1); err != nil {
				s.Fatal(err)
			}
		}
		twice := a
		twice.Version, twice.Folds = 2, eventstore.Folds[Counter]{eventstore.On(added, func(c Counter, e Added) Counter { return Counter{c.Sum + 2*e.N, c.Events + 1} })}
		b.loads(twice, "a", Counter{4, 2})
		if _, err := add(s.Context(), twice, b.Store, "a", 1); err != nil {
			s.Fatal(err)
		}
		b.loads(a, "a", Counter{3, 3})
		b.loads(twice, "a", Counter{6, 3})
		b.exec(`UPDATE {events}_snapshots SET state = 'trunc'`)
		b.loads(twice, "a", Counter{6, 3})
	}},
	{"a state that JSON does not hold is not stored as a snapshot", func(s *subject) {
		b := s.store()
		type hidden struct{ sum int }
		a := eventstore.Aggregate[hidden]{Name: "counter", SnapshotEvery: 1, Folds: eventstore.Folds[hidden]{
			eventstore.On(added, func(c hidden, e Added) hidden { return hidden{c.sum + e.N} }),
		}}
		for range 3 {
			if _, err := a.Update(s.Context(), b.Store, "a", func(ctx context.Context, _ hidden, to eventbus.Publisher) error {
				return added.Publish(ctx, to, Added{1})
			}); err != nil {
				s.Fatal(err)
			}
		}
		if got, _, err := a.Load(s.Context(), b.Store, "a"); err != nil || got.sum != 3 {
			s.Errorf("got %+v, %v", got, err)
		}
	}},
}

func TestAnAggregateThatContradictsItselfPanics(t *testing.T) {
	fold := eventstore.On(added, Counter.added)
	for what, a := range map[string]eventstore.Aggregate[Counter]{
		"no name":   {},
		"a slash":   {Name: "a/b"},
		"snapshots": {Name: "a", SnapshotEvery: -1},
		"two folds": {Name: "a", Folds: eventstore.Folds[Counter]{fold, fold}},
		"no fold":   {Name: "a", Folds: eventstore.Folds[Counter]{{}}},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: it does not panic", what)
				}
			}()
			_, _, _ = a.Load(t.Context(), nil, "x")
		}()
	}
}
