package panicked_test

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/panicked"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func Example() {
	run := func(call func()) (err error) {
		err = panicked.Err
		defer func() { _ = recover() }()
		call()
		return nil
	}
	fmt.Println(run(func() { panic("no") }))
	// Output: internal: the call panicked
}

func TestAPanicIsAFailureOfTheCallee(t *testing.T) {
	if got := fault.Judge(t.Context(), panicked.Err).Outcome(); got != fault.Failure {
		t.Error(got)
	}
}
