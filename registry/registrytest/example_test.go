package registrytest_test

import (
	"testing"

	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/registry/registrytest"
)

// A test of one's own registry calls the suite with what that registry can do.
func ExampleRun() {
	testRegistry := func(t *testing.T) {
		registrytest.Run(t, registrytest.Features{Virtual: true}, func(*testing.T) registry.Registry {
			return registry.NewMemory()
		})
	}
	_ = []testing.InternalTest{{Name: "TestRegistry", F: testRegistry}}
	// Output:
}
