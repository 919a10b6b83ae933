package interop_test

import (
	"database/sql"
	"fmt"
	"testing"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/sinew-go/sinew/idempotency"
	"github.com/sinew-go/sinew/internal/realserver"
)

func TestSQLStoreOnPostgreSQL(t *testing.T) { checkSQLStore(t, "pgx", realserver.Postgres(t).Addr) }

func TestSQLStoreOnMariaDB(t *testing.T) { checkSQLStore(t, "mysql", realserver.MariaDB(t).Addr) }

// checkSQLStore checks what does not depend on SQLite.
func checkSQLStore(t *testing.T, driver, source string) {
	var tables int
	open := func(t *testing.T) (all [2]idempotency.SQL) {
		t.Helper()
		tables++
		for i := range all {
			db, err := sql.Open(driver, source)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			all[i] = idempotency.SQL{DB: db, Table: fmt.Sprint("keys", tables)}
			if err := all[i].Create(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		return all
	}
	for name, check := range map[string]func(*testing.T, [2]idempotency.SQL){
		"SQLStoreRunsAKeyOnceOverAllInstances":             checkOnce,
		"SQLStoreRefusesReusedKeysAndReleasesLapsedClaims": checkLapse,
		"SQLStoreKeepsAnAnswerThatIsReleased":              checkRelease,
		"SQLStoreDeletesOnlyWhatHasExpired":                checkExpiry,
		"SQLStoreAcceptsANilFingerprint":                   checkNilFingerprint,
		"DedupeOnSQLHandlesAnEventOnceOverAllInstances":    checkDedupe,
	} {
		t.Run(name, func(t *testing.T) { check(t, open(t)) })
	}
	t.Run("CreateDoesNotWaitForTransactionsOfOthers", func(t *testing.T) {
		all := open(t)
		tx, err := all[0].DB.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		if _, _, err := all[0].In(tx).Claim(t.Context(), "k", []byte("f"), 1); err != nil {
			t.Fatal(err)
		}
		if err := all[1].Create(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
