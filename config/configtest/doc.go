// Package configtest holds the rules of a configuration store as a suite, for
// any implementation of [config.Store]: one subtest per rule, each with the
// sentence that it enforces.
//
//	func TestStore(t *testing.T) {
//		configtest.Run(t, configtest.Features{Secrets: true, Virtual: true}, func(*testing.T) config.Store {
//			return config.NewMemory(config.MemoryPolicy{Key: config.NewSecretKey()})
//		})
//	}
//
// Each subtest uses services of names of its own, so that a server can be
// shared with others. The rules of watching are for stores that are a
// [config.Watcher]; [Features] says what else the store can do, and a rule that
// needs what it cannot is skipped.
package configtest
