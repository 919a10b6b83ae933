package interop_test

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	_ "modernc.org/sqlite"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/idempotency"
	"github.com/sinew-go/sinew/transport/rest"
)

// stores are two store instances on one database file.
func stores(t *testing.T) [2]idempotency.SQL {
	t.Helper()
	var all [2]idempotency.SQL
	path := filepath.Join(t.TempDir(), "keys.db")
	for i := range all {
		db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		db.SetMaxOpenConns(1) // forty retrying writers would block each other from SQLite's lock indefinitely
		all[i] = idempotency.SQL{DB: db}
		if err := all[i].Create(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestSQLStoreRunsAKeyOnceOverAllInstances(t *testing.T) { checkOnce(t, stores(t)) }

func checkOnce(t *testing.T, all [2]idempotency.SQL) {
	t.Helper()
	var ran atomic.Int64
	var group sync.WaitGroup
	for i := range 40 {
		group.Go(func() {
			for {
				answer, _, err := idempotency.Once(t.Context(), all[i%2], "scope", "key", []byte("f"), func() ([]byte, bool, error) {
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

func TestSQLStoreRefusesReusedKeysAndReleasesLapsedClaims(t *testing.T) { checkLapse(t, stores(t)) }

func checkLapse(t *testing.T, all [2]idempotency.SQL) {
	t.Helper()
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

func TestSQLStoreKeepsAnAnswerThatIsReleased(t *testing.T) { checkRelease(t, stores(t)) }

func checkRelease(t *testing.T, all [2]idempotency.SQL) {
	t.Helper()
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

func TestSQLStoreDeletesOnlyWhatHasExpired(t *testing.T) { checkExpiry(t, stores(t)) }

func checkExpiry(t *testing.T, all [2]idempotency.SQL) {
	t.Helper()
	table := cmp.Or(all[0].Table, "idempotency")
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
	if err := all[0].DB.QueryRowContext(ctx, "SELECT count(*) FROM "+table+" WHERE id IN ('runs', 'answered')").Scan(&left); err != nil || left != 2 {
		t.Errorf("%d of 2 are kept (%v)", left, err)
	}
	if err := all[0].DB.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&left); err != nil || left != 2 {
		t.Errorf("%d are left, want 2 (%v)", left, err)
	}
}

func TestSQLStoreGoesByTheClockOfTheDatabase(t *testing.T) {
	all := stores(t)
	path := filepath.Join(t.TempDir(), "other.db") // a database/sql that belongs to the bubble
	var claim string
	synctest.Test(t, func(t *testing.T) { // it is the year 2000 in here
		db, err := sql.Open("sqlite", "file:"+path)
		if err != nil {
			t.Fatal(err)
		}
		s := idempotency.SQL{DB: db}
		if claim, _, err = s.Claim(t.Context(), "k", nil, time.Minute); err == nil {
			t.Error("there is a table already")
		}
		if err = s.Create(t.Context()); err == nil {
			claim, _, err = s.Claim(t.Context(), "k", nil, time.Minute)
		}
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	})
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	all[1] = idempotency.SQL{DB: db}
	defer func() { _ = db.Close() }()
	if again, _, err := all[1].Claim(t.Context(), "k", nil, time.Minute); claim == "" || again != "" || fault.ReasonOf(err) != "key_in_use" {
		t.Errorf("an instance whose clock is decades behind claimed %q, another then %q, %v", claim, again, err)
	}
}

func TestSQLStoreAcceptsANilFingerprint(t *testing.T) { checkNilFingerprint(t, stores(t)) }

func checkNilFingerprint(t *testing.T, all [2]idempotency.SQL) {
	t.Helper()
	for i, fingerprint := range [][]byte{nil, {}, nil} {
		_, replayed, err := idempotency.Once(t.Context(), all[i%2], "scope", "k", fingerprint, func() ([]byte, bool, error) { return nil, true, nil })
		if replayed != (i > 0) || err != nil {
			t.Errorf("use %d: replayed %v, %v", i, replayed, err)
		}
	}
}

func TestAnUnreachableStoreIsUnavailableAndNothingRuns(t *testing.T) {
	s := stores(t)[0]
	if err := s.DB.Close(); err != nil {
		t.Fatal(err)
	}
	_, _, err := idempotency.Once(t.Context(), s, "scope", "k", nil, func() ([]byte, bool, error) {
		t.Error("it ran")
		return nil, true, nil
	})
	if !errors.Is(err, fault.Unavailable) || !fault.IsUnprocessed(err) {
		t.Error(err)
	}
}

func TestSQLStoreInATableOfAnotherSchema(t *testing.T) {
	s := stores(t)[0]
	if _, err := s.DB.ExecContext(t.Context(), "ATTACH ':memory:' AS other"); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"other.keys", `other."the keys"`, `"more keys"`} {
		s.Table = table
		for i := range 2 {
			_, replayed, err := idempotency.Once(t.Context(), s, "scope", "k", nil, func() ([]byte, bool, error) { return nil, true, nil })
			if err != nil && i == 0 { // the table does not exist yet
				err = s.Create(t.Context())
			}
			if err != nil || replayed {
				t.Errorf("%s: %v, replayed %v", table, err, replayed)
			}
		}
		if err := s.Create(t.Context()); err != nil {
			t.Errorf("%s is made again: %v", table, err)
		}
	}
}

func TestSQLStoreDoesNotGrow(t *testing.T) {
	s := stores(t)[0]
	for i := range 200 {
		if _, _, err := s.Claim(t.Context(), fmt.Sprint("over", i), nil, time.Nanosecond); err != nil {
			t.Fatal(err)
		}
	}
	var left int
	if err := s.DB.QueryRowContext(t.Context(), "SELECT count(*) FROM idempotency").Scan(&left); err != nil || left > 3 {
		t.Errorf("%d expired rows are left (%v)", left, err)
	}
}

// keyedOrder returns the context of a handler that was called with a key.
func keyedOrder(ctx context.Context) context.Context {
	ctx = call.With(ctx, call.Record{IdempotencyKey: "k", Operation: call.Operation{Service: "order", Name: "Place"}})
	return ctx
}

func TestAnAnswerInTheHandlersTransactionIsThereExactlyWhenItsChangesAre(t *testing.T) {
	all := stores(t)
	if _, err := all[0].DB.ExecContext(t.Context(), "CREATE TABLE orders (n INTEGER)"); err != nil {
		t.Fatal(err)
	}
	died := errors.New("the process died")
	ends := []func(*sql.Tx) error{
		func(tx *sql.Tx) error { return errors.Join(tx.Rollback(), died) },
		func(tx *sql.Tx) error { return errors.Join(tx.Commit(), died) },
	}
	place := endpoint.New(func(ctx context.Context, n int) (int, error) {
		tx, err := all[0].DB.BeginTx(ctx, nil)
		if err != nil {
			return 0, err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO orders VALUES (?)", n)
		if err = errors.Join(err, idempotency.SaveAnswer(ctx, all[0].In(tx), n+1)); err != nil {
			return 0, errors.Join(err, tx.Rollback())
		}
		end := ends[0]
		ends = ends[1:]
		return 0, end(tx)
	})
	for i, want := range []int{0, 0, 8} {
		got, err := place.With(idempotency.Middleware[int, int](all[i%2]))(keyedOrder(t.Context()), 7)
		if got != want || want == 0 && !errors.Is(err, died) || want != 0 && err != nil {
			t.Errorf("use %d: %d, %v", i, got, err)
		}
	}
	var placed int
	if err := all[0].DB.QueryRowContext(t.Context(), "SELECT count(*) FROM orders").Scan(&placed); err != nil || placed != 1 {
		t.Errorf("%d orders are placed (%v)", placed, err)
	}
}

// onSQL is a mux whose keyed routes store their answers in SQL.
type onSQL struct {
	*http.ServeMux
	idempotency.SQL
}

func (m onSQL) IdempotencyStore() idempotency.Store { return m.SQL }

func TestWhatAHandlerSaysAfterItsCommitDoesNotReplaceItsAnswer(t *testing.T) {
	s := stores(t)[0]
	mux, runs := onSQL{http.NewServeMux(), s}, 0
	rest.Route[endpoint.None, int]{Pattern: "POST /orders", Keyed: true}.Handle(mux, func(ctx context.Context, _ endpoint.None) (int, error) {
		runs++
		tx, err := s.DB.BeginTx(ctx, nil)
		if err != nil {
			return 0, err
		}
		if err := errors.Join(idempotency.SaveAnswer(ctx, s.In(tx), 7), tx.Commit()); err != nil {
			return 0, err
		}
		return 0, fault.NotFound.Errorf("the product is gone since")
	})
	for _, want := range []int{404, 200} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/orders", nil)
		r.Header.Set("Idempotency-Key", "k")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code != want || want == 200 && strings.TrimSpace(w.Body.String()) != "7" || runs != 1 {
			t.Errorf("%d %s after %d runs, want %d", w.Code, w.Body, runs, want)
		}
	}
}

func TestARunThatLostItsClaimCannotCommit(t *testing.T) {
	all := stores(t)
	place := endpoint.New(func(ctx context.Context, n int) (int, error) {
		if _, err := all[1].DB.ExecContext(ctx, "DELETE FROM idempotency"); err != nil { // the claim lapsed, and another run has ended
			return 0, err
		}
		tx, err := all[0].DB.BeginTx(ctx, nil)
		if err != nil {
			return 0, err
		}
		return n, errors.Join(idempotency.SaveAnswer(ctx, all[0].In(tx), n), tx.Rollback())
	}).With(idempotency.Middleware[int, int](all[0]))
	if _, err := place(keyedOrder(t.Context()), 7); fault.ReasonOf(err) != "claim_lost" || !errors.Is(err, fault.Aborted) {
		t.Error(err)
	}
}

func TestAWholeUseOfAKeyCanBePartOfATransaction(t *testing.T) {
	s := stores(t)[0]
	runs := 0
	for _, commit := range []bool{false, true, true} {
		tx, err := s.DB.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = idempotency.Once(t.Context(), s.In(tx), "event", "e-1", nil, func() ([]byte, bool, error) { runs++; return nil, true, nil })
		end := tx.Rollback
		if commit {
			end = tx.Commit
		}
		if err := errors.Join(err, end()); err != nil {
			t.Error(err)
		}
	}
	if runs != 2 {
		t.Errorf("%d runs, want the one that was undone and one more", runs)
	}
}

func TestATransactionWhoseAnswerIsNotKeptIsNotCommitted(t *testing.T) {
	s := stores(t)[0]
	tx, err := s.DB.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = idempotency.Once(t.Context(), s.In(tx), "event", "e-1", nil, func() ([]byte, bool, error) {
		_, err := tx.ExecContext(t.Context(), "DROP TABLE idempotency")
		return nil, true, err
	})
	if err == nil {
		t.Error("the answer was kept nowhere, and nobody is told")
	}
	if err := tx.Rollback(); err != nil {
		t.Error(err)
	}
}

func TestDedupeOnSQLHandlesAnEventOnceOverAllInstances(t *testing.T) { checkDedupe(t, stores(t)) }

func checkDedupe(t *testing.T, all [2]idempotency.SQL) {
	t.Helper()
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
