package configtest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/config/configtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory(t *testing.T) {
	configtest.Run(t, configtest.Features{}, func(*testing.T) config.Store {
		return config.NewMemory(config.MemoryPolicy{Key: config.NewSecretKey()})
	})
}

func TestMemoryWithoutKey(t *testing.T) {
	configtest.Run(t, configtest.Features{NoSecrets: true}, func(*testing.T) config.Store {
		return config.NewMemory(config.MemoryPolicy{})
	})
}

func TestStoreThatIsNoWatcherIsNotAskedToBeOne(t *testing.T) {
	configtest.Run(t, configtest.Features{RealTime: true, NoSecrets: true, NoWatch: true}, func(*testing.T) config.Store {
		return struct{ config.Store }{config.NewMemory(config.MemoryPolicy{})}
	})
}

// A test of your own store calls the suite with the features of that store.
func ExampleRun() {
	testStore := func(t *testing.T) {
		configtest.Run(t, configtest.Features{NoSecrets: true}, func(*testing.T) config.Store {
			return config.NewMemory(config.MemoryPolicy{})
		})
	}
	_ = []testing.InternalTest{{Name: "TestStore", F: testStore}}
	// Output:
}
