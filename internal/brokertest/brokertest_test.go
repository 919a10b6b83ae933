package brokertest_test

import (
	"testing"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/internal/brokertest"
)

func TestMain(m *testing.M) { brokertest.Main(m, nil) }

func Example() {
	_ = func(t *testing.T, bus eventbus.Bus) {
		seen := brokertest.Collect(t, bus, "order.placed", "mailer")
		brokertest.Publish(t, bus, "order.placed", "1")
		brokertest.Expect(t, seen, "1")
	}
	// Output:
}

func TestWhatIsAcceptedUnderLoadArrives(t *testing.T) {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	defer func() { _ = bus.Close(t.Context()) }()
	seen := brokertest.Collect(t, bus, "order.placed", "mailer")
	stop := brokertest.PublishUnderLoad(t, bus, "order.placed")
	accepted := stop()
	if len(accepted) < 400 {
		t.Errorf("%d events were accepted", len(accepted))
	}
	brokertest.Expect(t, seen, accepted...)
}
