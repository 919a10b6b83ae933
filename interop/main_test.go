package interop_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(chaosVariable) != "" {
		runChaosProcess()
		return
	}
	goleak.VerifyTestMain(m)
}
