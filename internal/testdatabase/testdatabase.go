// Package testdatabase has the databases of tests. The test imports the drivers: pgx's stdlib,
// modernc.org/sqlite and go-sql-driver/mysql.
package testdatabase

import (
	"bytes"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/internal/realserver"
)

// Database is a database. As JSON it travels to another process.
type Database struct{ Driver, Source string }

// SQLite returns a database in a file of the test, which several processes may open.
func SQLite(t testing.TB) Database {
	t.Helper()
	const options = "?_txlock=immediate&_pragma=busy_timeout(20000)&_pragma=journal_mode(wal)&_pragma=synchronous(normal)"
	return Database{"sqlite", "file:" + filepath.Join(t.TempDir(), "test.db") + options}
}

// Postgres returns the database of a server.
func Postgres(s *realserver.Server) Database { return Database{"pgx", s.Addr} }

// MariaDB returns the database of a server.
func MariaDB(s *realserver.Server) Database { return Database{"mysql", s.Addr} }

// Connect opens the database, as another process would.
func (d Database) Connect() (*sql.DB, error) {
	db, err := sql.Open(d.Driver, d.Source)
	if err == nil && d.Driver == "sqlite" {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// Open is Connect for the time of a test.
func (d Database) Open(t testing.TB) *sql.DB {
	t.Helper()
	db, err := d.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Restored dumps a database of PostgreSQL, and returns another one of the same server that
// was made from the dump. It skips the test without PostgreSQL's tools, or fails it if
// SINEW_REQUIRE_SERVERS is 1.
func (d Database) Restored(t testing.TB) Database {
	t.Helper()
	dump, err := exec.CommandContext(t.Context(), tool(t, "pg_dump"), "--dbname", d.Source).Output() //nolint:gosec // a test names the program
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Open(t).ExecContext(t.Context(), "CREATE DATABASE restored"); err != nil {
		t.Fatal(err)
	}
	d.Source = strings.Replace(d.Source, "/postgres?", "/restored?", 1)
	restore := exec.CommandContext(t.Context(), tool(t, "psql"), "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", d.Source) //nolint:gosec // as above
	restore.Stdin = bytes.NewReader(dump)
	if out, err := restore.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return d
}

// tool returns the path of a program of PostgreSQL.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(filepath.Join(filepath.Dir(os.Getenv("SINEW_POSTGRES")), name))
	if err != nil {
		path, err = exec.LookPath(name)
	}
	switch {
	case err != nil && os.Getenv("SINEW_REQUIRE_SERVERS") == "1":
		t.Fatal(err)
	case err != nil:
		t.Skipf("this test needs %s beside the server: %v", name, err)
	}
	return path
}
