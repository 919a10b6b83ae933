package saga_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/internal/testprocess"
)

func TestMain(m *testing.M) {
	testprocess.Serve(work)
	goleak.VerifyTestMain(m)
}
