package saga_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/sinew-go/sinew/internal/realserver"
	"github.com/sinew-go/sinew/internal/testdatabase"
	"github.com/sinew-go/sinew/saga"
	"github.com/sinew-go/sinew/saga/sagatest"
)

// database is a database of a test.
type database struct {
	testdatabase.Database
	places atomic.Int64
}

func sqlite(t *testing.T) *database { return &database{Database: testdatabase.SQLite(t)} }

func postgres(t *testing.T) *database {
	return &database{Database: testdatabase.Postgres(realserver.Postgres(t))}
}

func mariadb(t *testing.T) *database {
	return &database{Database: testdatabase.MariaDB(realserver.MariaDB(t))}
}

// store returns a store with tables of its own.
func (d *database) store(t *testing.T) saga.SQL {
	t.Helper()
	s := saga.SQL{DB: d.Open(t), Table: fmt.Sprintf("saga%d", d.places.Add(1))}
	if err := s.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// quick is a policy for tests in real time.
func quick() saga.Policy {
	p := silent
	p.Poll = 20 * time.Millisecond
	return p
}

// test runs all that every database is held to.
func (d *database) test(t *testing.T) {
	t.Run("Runner", func(t *testing.T) {
		sagatest.Run(t, sagatest.Features{RealTime: true}, func(t *testing.T) sagatest.Open {
			store := d.store(t)
			return func(definition saga.Definition[sagatest.State]) saga.Runner[sagatest.State] {
				return saga.New(definition, saga.SQL{DB: d.Open(t), Table: store.Table}).With(quick())
			}
		})
	})
	t.Run("Store", func(t *testing.T) {
		sagatest.RunStore(t, sagatest.Features{RealTime: true}, func(t *testing.T) func() saga.Store {
			store := d.store(t)
			return func() saga.Store { return saga.SQL{DB: d.Open(t), Table: store.Table} }
		})
	})
	for _, r := range databaseRules {
		t.Run(r.name, func(t *testing.T) { r.check(t, d) })
	}
}

func TestOnSQLite(t *testing.T) { sqlite(t).test(t) }

func TestOnPostgreSQL(t *testing.T) { postgres(t).test(t) }

func TestOnMariaDB(t *testing.T) { mariadb(t).test(t) }
