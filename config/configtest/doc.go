// Package configtest is a test suite for implementations of [config.Store], and by
// [RunLayer] one for those of [config.Layer]. Each rule is a subtest with a sentence that
// states the rule.
//
//	func TestStore(t *testing.T) {
//		configtest.Run(t, configtest.Features{}, func(*testing.T) config.Store {
//			return config.NewMemory(config.MemoryPolicy{Key: config.NewSecretKey()})
//		})
//	}
//
// Each subtest uses its own service names, so that a server can be shared with others.
// [Features] say what the store cannot do; those rules are skipped.
package configtest
