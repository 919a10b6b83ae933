// Package registrytest is a test suite for implementations of [registry.Registry]. Each
// rule is a subtest with a sentence that states the rule.
//
//	func TestRegistry(t *testing.T) {
//		registrytest.Run(t, registrytest.Features{NoCrash: true, NoLoss: true}, func(*testing.T) registry.Registry {
//			return registry.NewMemory()
//		})
//	}
//
// Each subtest uses its own service names, so that a server can be shared with others.
// [Features] say what the registry cannot do; those rules are skipped.
package registrytest
