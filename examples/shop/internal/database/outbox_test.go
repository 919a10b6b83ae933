package database_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bus records what it accepts, and accepts nothing while it is away.
type bus struct {
	mu    sync.Mutex
	away  bool
	taken []string
	ids   []string
}

func (b *bus) Publish(_ context.Context, topic string, events ...eventbus.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away {
		return errors.New("the bus is away")
	}
	for _, e := range events {
		b.taken = append(b.taken, fmt.Sprintf("%s %s %s", topic, e.Key, e.Data))
		b.ids = append(b.ids, e.ID)
	}
	return nil
}

func (b *bus) set(away bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = away
}

func (b *bus) all() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.taken)
}

var steps = eventbus.Topic[int]{Name: "step", Key: func(n int) string { return fmt.Sprint(n % 2) }}

// runOutbox runs an outbox; end stops it as a shutdown does.
func runOutbox(db *sql.DB, b *bus) (o *database.Outbox, end func()) {
	o = database.NewOutbox(db, b)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { o.Run(ctx) })
	return o, func() {
		cancel()
		running.Wait()
	}
}

func write(t *testing.T, db *sql.DB, o *database.Outbox, numbers ...int) {
	t.Helper()
	err := database.Within(t.Context(), db, func(tx *sql.Tx) error {
		for _, n := range numbers {
			if err := steps.Publish(t.Context(), o.In(tx), n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Wake()
}

// inBubble runs f in virtual time with an outbox's database in memory.
func inBubble(t *testing.T, f func(t *testing.T, db *sql.DB)) {
	synctest.Test(t, func(t *testing.T) {
		db, err := database.Open("", "outbox", database.OutboxSchema)
		if err != nil {
			t.Fatal(err)
		}
		f(t, db)
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

func (b *bus) took(t *testing.T, want ...string) {
	t.Helper()
	if got := b.all(); !slices.Equal(got, want) {
		t.Errorf("the bus took %q, want %q", got, want)
	}
}

func TestEventsOfACommitAreSentInOrderAndOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, db *sql.DB) {
		b := &bus{}
		o, end := runOutbox(db, b)
		defer end()
		write(t, db, o, 1, 2, 3)
		synctest.Wait()
		b.took(t, "step 1 1", "step 0 2", "step 1 3")
		bubble.Sleep(10 * time.Second)
		b.took(t, "step 1 1", "step 0 2", "step 1 3")
	})
}

func TestARolledBackChangeSendsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, db *sql.DB) {
		b := &bus{}
		o, end := runOutbox(db, b)
		undone := errors.New("undone")
		err := database.Within(t.Context(), db, func(tx *sql.Tx) error {
			return errors.Join(steps.Publish(t.Context(), o.In(tx), 1), undone)
		})
		if !errors.Is(err, undone) {
			t.Error(err)
		}
		end()
		b.took(t)
	})
}

func TestEventsWaitForABusThatIsAway(t *testing.T) {
	inBubble(t, func(t *testing.T, db *sql.DB) {
		b := &bus{away: true}
		o, end := runOutbox(db, b)
		defer end()
		write(t, db, o, 1, 2)
		bubble.Sleep(time.Minute)
		b.took(t)
		b.set(false)
		bubble.Sleep(2 * time.Second)
		b.took(t, "step 1 1", "step 0 2")
	})
}

func TestWhatTheLastRequestsWroteIsSentAtTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, db *sql.DB) {
		b := &bus{away: true}
		o, end := runOutbox(db, b)
		write(t, db, o, 1)
		synctest.Wait()
		b.set(false)
		end()
		b.took(t, "step 1 1")
	})
}

func TestANewRunResendsTheLastMinuteWithTheSameIDs(t *testing.T) {
	inBubble(t, func(t *testing.T, db *sql.DB) {
		before, after := &bus{}, &bus{}
		o, end := runOutbox(db, before)
		write(t, db, o, 1)
		bubble.Sleep(2 * time.Minute)
		write(t, db, o, 2, 3)
		bubble.Sleep(30 * time.Second)
		write(t, db, o, 4)
		end()
		before.took(t, "step 1 1", "step 0 2", "step 1 3", "step 0 4")
		bubble.Sleep(24 * time.Hour) // the process stays down
		_, end = runOutbox(db, after)
		synctest.Wait()
		end()
		after.took(t, "step 0 2", "step 1 3", "step 0 4")
		if !slices.Equal(before.ids[1:], after.ids) {
			t.Errorf("the ids were %q and are %q", before.ids[1:], after.ids)
		}
	})
}

func TestAnEventIsDeletedAMinuteAfterItWasSent(t *testing.T) {
	inBubble(t, func(t *testing.T, db *sql.DB) {
		o, end := runOutbox(db, &bus{})
		write(t, db, o, 1, 2)
		bubble.Sleep(2 * time.Minute)
		end()
		var left int
		if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM outbox`).Scan(&left); err != nil || left != 0 {
			t.Errorf("%d events are left (%v)", left, err)
		}
	})
}
