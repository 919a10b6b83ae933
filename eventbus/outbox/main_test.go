package outbox_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(senderVariable) != "" {
		send()
		return
	}
	goleak.VerifyTestMain(m)
}
