package redacttest_test

import (
	"fmt"

	"github.com/sinew-go/sinew/internal/redact/redacttest"
)

func Example() {
	login := struct{ User, Password string }{"me", "hunter2"}
	fmt.Println(redacttest.Shows(redacttest.Printed(login), "hunter2"))
	// Output: true
}
