// Package configtest has a test suite for implementations of [config.Store], which is
// [Run], and one for implementations of [config.Layer], which is [RunLayer]. Each rule is
// a subtest, which logs the rule as a sentence.
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
