package eventstore_test

import (
	"flag"
	"testing"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/internal/testprocess"
)

func TestMain(m *testing.M) {
	testprocess.Serve(work)
	_ = flag.Set("rapid.checks", "20") // a check is some forty statements; the command line may say more
	goleak.VerifyTestMain(m)
}
