package nats_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/nats"
)

// memberVariable makes the test binary a member of a group that is to be killed: it has
// the URL of a server.
const memberVariable = "SINEW_TEST_MEMBER"

func TestMain(m *testing.M) {
	if url := os.Getenv(memberVariable); url != "" {
		hang(url)
	}
	goleak.VerifyTestMain(m)
}

// hang subscribes, writes a line for each event that it gets, and never ends.
func hang(url string) {
	bus, err := nats.New(nats.Config{URL: url, AckWait: 2 * time.Second})
	if err == nil {
		_, err = bus.Subscribe("crash", "g", func(_ context.Context, e eventbus.Event) error {
			fmt.Println(e.ID)
			select {}
		})
	}
	fmt.Println("subscribed", err)
	select {}
}
