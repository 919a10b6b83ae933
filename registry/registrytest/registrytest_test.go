package registrytest_test

import (
	"testing"

	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/registry/registrytest"
)

func TestMemoryKeepsTheRules(t *testing.T) {
	registrytest.Run(t, registrytest.Features{NoCrash: true, NoLoss: true}, func(*testing.T) registry.Registry {
		return registry.NewMemory()
	})
}

func TestMemoryKeepsTheRulesInRealTime(t *testing.T) {
	registrytest.Run(t, registrytest.Features{RealTime: true, NoCrash: true, NoLoss: true, TTL: 1}, func(*testing.T) registry.Registry {
		return registry.NewMemory()
	})
}
