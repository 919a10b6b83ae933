// Package registrytest holds the rules of a registry as a suite, for any
// implementation of [registry.Registry]: one subtest per rule, each with the
// sentence that it enforces.
//
//	func TestRegistry(t *testing.T) {
//		registrytest.Run(t, registrytest.Features{Virtual: true}, func(*testing.T) registry.Registry {
//			return registry.NewMemory()
//		})
//	}
//
// Each subtest uses services of names of its own, so that a server can be
// shared with others. [Features] says what the registry can be asked; a rule
// that needs what it cannot do is skipped.
package registrytest
