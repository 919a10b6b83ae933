package saga_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(workerVariable) != "" {
		workUntilKilled()
		return
	}
	goleak.VerifyTestMain(m)
}
