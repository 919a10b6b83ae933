// Package configtest is a test suite for implementations of [config.Store]. Each rule is
// a subtest with a sentence that states the rule.
//
//	func TestStore(t *testing.T) {
//		configtest.Run(t, configtest.Features{Secrets: true, Virtual: true}, func(*testing.T) config.Store {
//			return config.NewMemory(config.MemoryPolicy{Key: config.NewSecretKey()})
//		})
//	}
//
// Each subtest uses its own service names, so that a server can be shared with others.
// The rules about watching apply to stores that are a [config.Watcher]. [Features]
// describe what else the store can do; rules that need more are skipped.
package configtest
