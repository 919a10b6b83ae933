package kafka_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/kafka"
)

// memberVariable makes the test binary a member of a group that is to be killed: it has
// the address of a broker.
const memberVariable = "SINEW_TEST_MEMBER"

func TestMain(m *testing.M) {
	if address := os.Getenv(memberVariable); address != "" {
		hang(address)
	}
	goleak.VerifyTestMain(m)
}

// hang subscribes, writes a line for each event that it gets, and never ends.
func hang(address string) {
	bus, err := kafka.New(kafka.Config{Brokers: []string{address}, SessionTimeout: shortSession})
	if err == nil {
		_, err = bus.Subscribe("crash", "g", func(_ context.Context, e eventbus.Event) error {
			fmt.Println(e.ID)
			select {}
		})
	}
	fmt.Println("subscribed", err)
	select {}
}
