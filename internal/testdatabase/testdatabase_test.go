package testdatabase_test

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/internal/testdatabase"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// none is a driver without databases, in place of SQLite's.
type none struct{}

func (none) Open(string) (driver.Conn, error) { return nil, errors.New("no database") }

func init() { sql.Register("sqlite", none{}) }

func Example() {
	db, err := testdatabase.Database{Driver: "sqlite", Source: "file:test.db"}.Connect()
	fmt.Println(db.Stats().MaxOpenConnections, err, db.Close())
	// Output: 1 <nil> <nil>
}

func TestEachTestHasAFileOfSQLite(t *testing.T) {
	a, b := testdatabase.SQLite(t), testdatabase.SQLite(t)
	if a == b || !strings.HasPrefix(a.Source, "file:") {
		t.Errorf("the databases are %+v and %+v", a, b)
	}
	if err := a.Open(t).PingContext(t.Context()); err == nil {
		t.Error("a driver without databases has one")
	}
}
