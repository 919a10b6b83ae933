package tables_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/dialect"
	"github.com/sinew-go/sinew/internal/tables"
)

func Example() {
	t := tables.Tables{Dialect: dialect.PostgreSQL, Name: "jobs", Word: "{jobs}", Owner: "queue"}
	fmt.Println(t.Render(`DELETE FROM {jobs}_done WHERE id = ?`))
	fmt.Println(t.Failure(errors.New("disk full")))
	// Output:
	// DELETE FROM jobs_done WHERE id = $1
	// queue jobs: disk full
}

// stateError is an error of a driver of PostgreSQL.
type stateError string

func (e stateError) Error() string    { return "failed" }
func (e stateError) SQLState() string { return string(e) }

func TestATransactionThatLostToAnotherIsAborted(t *testing.T) {
	tables := tables.Tables{Name: "jobs", Owner: "queue"}
	for _, err := range []error{stateError("40001"), stateError("40P01"), errors.New("Error 1213 (40001): Deadlock found")} {
		if got := fault.CodeOf(tables.Failure(err)); got != fault.Aborted {
			t.Errorf("%v: its class is %s, want aborted", err, got)
		}
	}
	for _, err := range []error{stateError("23505"), errors.New("disk full")} {
		if got := fault.CodeOf(tables.Failure(err)); got == fault.Aborted {
			t.Errorf("%v: its class is aborted, want another", err)
		}
	}
}
