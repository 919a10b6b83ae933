package registrytest_test

import (
	"testing"

	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/registry/registrytest"
)

// A test of your own registry calls the suite with the features of that registry.
func ExampleRun() {
	testRegistry := func(t *testing.T) {
		registrytest.Run(t, registrytest.Features{NoCrash: true, NoLoss: true}, func(*testing.T) registry.Registry {
			return registry.NewMemory()
		})
	}
	_ = []testing.InternalTest{{Name: "TestRegistry", F: testRegistry}}
	// Output:
}
