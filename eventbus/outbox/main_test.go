package outbox_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/internal/testprocess"
)

func TestMain(m *testing.M) {
	testprocess.Serve(send)
	goleak.VerifyTestMain(m)
}
