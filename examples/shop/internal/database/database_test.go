package database_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/realserver"
)

type account struct {
	Owner string `json:"owner"`
	Open  bool   `json:"open"`
	Cents int    `json:"cents"`
}

var accounts = database.Table[account]{Kind: "account"}

func Example() {
	ctx := context.Background()
	db, _ := database.Open("", "bank", accounts.Schema())
	defer db.Close()
	_ = accounts.Insert(ctx, db, "a-1", &account{Owner: "Ada", Cents: 500})
	_, _ = accounts.Change(ctx, db, "a-1", func(_ *sql.Tx, a *account) error {
		a.Cents -= 200
		return nil
	})
	found, _ := accounts.Where(ctx, db, `json_extract(doc, '$.owner') = ?`, "Ada")
	fmt.Println(found[0].Cents)
	// Output: 300
}

// onEach runs f on an empty database of each kind.
func onEach(t *testing.T, f func(t *testing.T, db *sql.DB)) {
	for name, at := range map[string]func(t *testing.T) string{
		"SQLite":     func(t *testing.T) string { return t.TempDir() },
		"memory":     func(*testing.T) string { return "" },
		"PostgreSQL": func(t *testing.T) string { return realserver.Postgres(t).Addr },
	} {
		t.Run(name, func(t *testing.T) {
			db, err := database.Open(at(t), "order", accounts.Schema(), accounts.Index("owner", "UNIQUE", `lower(json_extract(doc, '$.owner'))`))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = db.Close() }()
			f(t, db)
		})
	}
}

func TestNoChangeIsLostBesideOthers(t *testing.T) {
	onEach(t, func(t *testing.T, db *sql.DB) {
		if err := accounts.Insert(t.Context(), db, "a-1", &account{}); err != nil {
			t.Fatal(err)
		}
		var changes sync.WaitGroup
		for range 20 {
			changes.Go(func() {
				if _, err := accounts.Change(t.Context(), db, "a-1", func(_ *sql.Tx, a *account) error {
					a.Cents++
					return nil
				}); err != nil {
					t.Error(err)
				}
			})
		}
		changes.Wait()
		if a, err := accounts.Get(t.Context(), db, "a-1"); err != nil || a.Cents != 20 {
			t.Errorf("20 changes by one make %+v (%v)", a, err)
		}
	})
}

func TestATransactionThatHasSeenAnOlderStateRunsAgain(t *testing.T) {
	db, err := database.Open(realserver.Postgres(t).Addr, "order")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	runs := 0
	err = database.Within(t.Context(), db, func(*sql.Tx) error {
		if runs++; runs < 3 {
			return fault.Aborted.Errorf("the stream has another version")
		}
		return nil
	})
	if err != nil || runs != 3 {
		t.Errorf("it ran %d times (%v), want 3", runs, err)
	}
}

func TestWhatIsTakenIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, db *sql.DB) {
		if err := accounts.Insert(t.Context(), db, "a-1", &account{Owner: "Ada"}); err != nil {
			t.Fatal(err)
		}
		for id, owner := range map[string]string{"a-1": "Eve", "a-2": "ada"} {
			if err := accounts.Insert(t.Context(), db, id, &account{Owner: owner}); !errors.Is(err, database.ErrTaken) {
				t.Errorf("account %s of %s: %v", id, owner, err)
			}
		}
	})
}

func TestRowsAreFoundByTheirFieldsInOrder(t *testing.T) {
	onEach(t, func(t *testing.T, db *sql.DB) {
		for i := range 9 {
			if err := accounts.Insert(t.Context(), db, fmt.Sprint(9-i), &account{Owner: fmt.Sprint(i), Cents: i, Open: i%2 == 1}); err != nil {
				t.Fatal(err)
			}
		}
		found, err := accounts.Where(t.Context(), db, `(?1 = '' OR json_extract(doc, '$.owner') <> ?1) AND CAST(json_extract(doc, '$.open') AS INTEGER) = 1
			AND CAST(json_extract(doc, '$.cents') AS BIGINT) BETWEEN 1 AND ?2`, "3", 6)
		if err != nil || len(found) != 2 || found[0].Cents != 1 || found[1].Cents != 5 {
			t.Errorf("found %d, want those of 1 and 5 cents (%v)", len(found), err)
		}
	})
}

func TestADatabaseThatCannotBeOpenedSaysWhich(t *testing.T) {
	for _, at := range []string{"postgres://127.0.0.1:1/x?connect_timeout=1", "postgres://%zz"} {
		if db, err := database.Open(at, "order", accounts.Schema()); err == nil || db != nil {
			t.Errorf("%s is opened", at)
		}
	}
}
