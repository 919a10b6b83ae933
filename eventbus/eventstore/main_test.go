package eventstore_test

import (
	"flag"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(workerVariable) != "" {
		work()
		return
	}
	_ = flag.Set("rapid.checks", "20") // a check is some forty statements; the command line may say more
	goleak.VerifyTestMain(m)
}
