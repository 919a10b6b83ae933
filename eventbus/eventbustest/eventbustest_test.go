package eventbustest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/eventbustest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemoryKeepsTheRules(t *testing.T) {
	eventbustest.Run(t, eventbustest.Features{ForgetsGroups: true}, func(*testing.T) eventbus.Bus {
		return eventbus.NewMemory(eventbus.MemoryPolicy{})
	})
}

func TestMemoryWithASmallBufferKeepsTheRules(t *testing.T) {
	eventbustest.Run(t, eventbustest.Features{RealTime: true, ForgetsGroups: true}, func(*testing.T) eventbus.Bus {
		return eventbus.NewMemory(eventbus.MemoryPolicy{Buffer: 3})
	})
}

func ExampleRun() {
	_ = func(t *testing.T) {
		eventbustest.Run(t, eventbustest.Features{ForgetsGroups: true}, func(*testing.T) eventbus.Bus {
			return eventbus.NewMemory(eventbus.MemoryPolicy{})
		})
	}
	// Output:
}
