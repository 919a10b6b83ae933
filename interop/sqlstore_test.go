package interop_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

// stores are two instances on one database file.
func stores(t *testing.T) [2]endpoint.SQLStore {
	t.Helper()
	var all [2]endpoint.SQLStore
	path := filepath.Join(t.TempDir(), "keys.db")
	for i := range all {
		db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		db.SetMaxOpenConns(1) // forty that all try again would keep SQLite's lock from each other for ever
		all[i] = endpoint.SQLStore{DB: db}
		if err := all[i].Create(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestSQLStoreRunsAKeyOnceOverAllInstances(t *testing.T) {
	all := stores(t)
	var ran atomic.Int64
	var group sync.WaitGroup
	for i := range 40 {
		group.Go(func() {
			for {
				answer, _, err := endpoint.Once(t.Context(), all[i%2], "scope", "key", []byte("f"), func() ([]byte, bool, error) {
					ran.Add(1)
					return []byte("answer"), true, nil
				})
				if errors.Is(err, fault.Aborted) {
					continue // in use: it will be answered
				}
				if err != nil || string(answer) != "answer" {
					t.Errorf("%q %v", answer, err)
				}
				return
			}
		})
	}
	group.Wait()
	if ran.Load() != 1 {
		t.Errorf("ran %d times", ran.Load())
	}
}

func TestSQLStoreTellsReusedKeysAndLetsLapsedClaimsGo(t *testing.T) {
	all := stores(t)
	ctx := t.Context()
	lapsed, _, err := all[0].Claim(ctx, "k", []byte("f"), time.Nanosecond)
	if err != nil || lapsed == "" {
		t.Fatal(lapsed, err)
	}
	claim, _, err := all[1].Claim(ctx, "k", []byte("f"), time.Nanosecond)
	if err != nil || claim == "" {
		t.Fatalf("a lapsed claim held: %q %v", claim, err)
	}
	if err := errors.Join(all[1].Renew(ctx, "k", claim, time.Hour), all[0].Renew(ctx, "k", lapsed, -time.Hour),
		all[0].Release(ctx, "k", lapsed), all[0].Answer(ctx, "k", lapsed, []byte("late"), time.Hour)); err != nil {
		t.Fatal(err)
	}
	var f *fault.Error
	if _, _, err := all[0].Claim(ctx, "k", []byte("f"), time.Hour); !errors.As(err, &f) || f.Reason != "key_in_use" {
		t.Error(err)
	}
	if _, _, err := all[0].Claim(ctx, "k", []byte("other"), time.Hour); !errors.As(err, &f) || f.Reason != "key_reused" {
		t.Error(err)
	}
	if err := all[1].Answer(ctx, "k", claim, nil, time.Hour); err != nil {
		t.Fatal(err)
	}
	if claim, answer, err := all[0].Claim(ctx, "k", []byte("f"), time.Hour); err != nil || claim != "" || len(answer) != 0 {
		t.Error(claim, answer, err)
	}
	if err := all[0].Release(ctx, "k", claim); err != nil {
		t.Error(err)
	}
}

func TestSQLStoreKeepsAnAnswerThatIsReleased(t *testing.T) {
	all := stores(t)
	ctx := t.Context()
	claim, _, err := all[0].Claim(ctx, "k", []byte("f"), time.Hour)
	if err != nil || claim == "" {
		t.Fatal(claim, err)
	}
	if err := errors.Join(all[0].Answer(ctx, "k", claim, []byte("a"), time.Hour), all[0].Release(ctx, "k", claim), all[0].Renew(ctx, "k", claim, -time.Hour)); err != nil {
		t.Fatal(err)
	}
	if again, answer, err := all[1].Claim(ctx, "k", []byte("f"), time.Hour); err != nil || again != "" || string(answer) != "a" {
		t.Errorf("claim %q, answer %q, %v", again, answer, err)
	}
}

func TestSQLStoreExpiresWhatIsOverAndNothingElse(t *testing.T) {
	all := stores(t)
	ctx := t.Context()
	for key, lease := range map[string]time.Duration{"over": time.Nanosecond, "also over": time.Nanosecond, "runs": time.Hour, "answered": time.Hour} {
		claim, _, err := all[0].Claim(ctx, key, []byte("f"), lease)
		if err != nil || claim == "" {
			t.Fatal(claim, err)
		}
		if key == "answered" {
			err = all[0].Answer(ctx, key, claim, []byte("a"), time.Hour)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := all[1].Expire(ctx); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := all[0].DB.QueryRowContext(ctx, "SELECT count(*) FROM idempotency WHERE id IN ('runs', 'answered')").Scan(&left); err != nil || left != 2 {
		t.Errorf("%d of 2 are kept (%v)", left, err)
	}
	if err := all[0].DB.QueryRowContext(ctx, "SELECT count(*) FROM idempotency").Scan(&left); err != nil || left != 2 {
		t.Errorf("%d are left, want 2 (%v)", left, err)
	}
}

func TestDedupeOnSQLHandlesAnEventOnceOverAllInstances(t *testing.T) {
	all := stores(t)
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{Backoff: time.Millisecond})
	topic := eventbus.Topic[int]{Name: "t"}
	var handled atomic.Int64
	for i := range all {
		if err := topic.Handle(bus, "g", func(context.Context, int) error { handled.Add(1); return nil }, eventbus.Dedupe(all[i], "g")); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		if err := bus.Publish(t.Context(), "t", eventbus.Event{ID: "1", Source: "s", Data: []byte("7")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := bus.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if handled.Load() != 1 {
		t.Errorf("handled %d times", handled.Load())
	}
}
