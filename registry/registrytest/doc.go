// Package registrytest is a test suite for implementations of [registry.Registry]. Each
// rule is a subtest with a sentence that states the rule.
//
//	func TestRegistry(t *testing.T) {
//		registrytest.Run(t, registrytest.Features{NoCrash: true, NoLoss: true}, func(*testing.T) registry.Registry {
//			return registry.NewMemory()
//		})
//	}
//
// Each subtest uses its own service names, so that other tests may use the same server at
// the same time. [Features] say what the registry cannot do; the rules about that are
// skipped.
package registrytest
