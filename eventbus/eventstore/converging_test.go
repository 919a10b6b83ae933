package eventstore_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/eventbustest"
	"github.com/sinew-go/sinew/eventbus/eventstore"
)

// published returns the events of a store with two orders, as a bus delivers them.
func published(t *testing.T) (events []eventbus.Event) {
	t.Helper()
	store, _, end := openExample(t.Context())
	defer end()
	for _, id := range []string{"o-7", "o-8"} {
		if _, err := Place(t.Context(), store, OrderPlaced{ID: id, User: "u-1", Cents: 500}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := Pay(t.Context(), store, OrderPaid{ID: id, Cents: 200}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for e, err := range store.All(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e.Event)
	}
	return events
}

// owing is what each order owes by the events that it has seen, each once.
type owing struct {
	Owed map[string]int
	Seen map[string]bool
}

func nothing() owing { return owing{map[string]int{}, map[string]bool{}} }

func TestAFoldThatKnowsWhatItHasSeenConvergesOnABus(t *testing.T) {
	folds := eventstore.Folds[map[string]int]{
		eventstore.On(Placed, func(owed map[string]int, e OrderPlaced) map[string]int { owed[e.ID] += e.Cents; return owed }),
		eventstore.On(Paid, func(owed map[string]int, e OrderPaid) map[string]int { owed[e.ID] -= e.Cents; return owed }),
	}
	eventbustest.Converges(t, nothing, func(o owing, e eventbus.Event) owing {
		if !o.Seen[e.ID] {
			o.Seen[e.ID] = true
			if _, err := folds.Apply(o.Owed, e); err != nil {
				t.Fatal(err)
			}
		}
		return o
	}, published(t))
}

// TestTheListOfOrdersConverges feeds the projection of the example as a bus would, with
// repeats and in any order of the orders: it converges because each event counts once, which
// a Projector ensures by its position and a handler on a bus by the event's ID.
func TestTheListOfOrdersConverges(t *testing.T) {
	store, db, end := openExample(t.Context())
	defer end()
	byUser := store.Project(ByUser)
	if err := byUser.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventbustest.Converges(t, nothing, func(o owing, e eventbus.Event) owing {
		if o.Seen[e.ID] {
			return o
		}
		o.Seen[e.ID] = true
		if err := applyTo(t.Context(), db, byUser, o.Owed, e); err != nil {
			t.Fatal(err)
		}
		return o
	}, published(t)[:4])
}

// applyTo makes the rows what they are after an event.
func applyTo(ctx context.Context, db *sql.DB, p *eventstore.Projector, owed map[string]int, e eventbus.Event) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for id, cents := range owed {
		if _, err := tx.ExecContext(ctx, `INSERT INTO orders_by_user_1 VALUES (?, 'u-1', ?)`, id, cents); err != nil {
			return err
		}
	}
	if err := p.Apply(ctx, tx, eventstore.Event{Event: e}); err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, `SELECT id, owed FROM orders_by_user_1`)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id string
		var cents int
		if err := rows.Scan(&id, &cents); err != nil {
			return err
		}
		owed[id] = cents
	}
	return rows.Err()
}
