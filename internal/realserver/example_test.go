package realserver_test

import (
	"testing"

	"github.com/sinew-go/sinew/internal/realserver"
)

func Example() {
	_ = func(t *testing.T) {
		server := realserver.NATS(t) // skips the test where there is none
		server.Kill()
		server.Start()
	}
	// Output:
}
