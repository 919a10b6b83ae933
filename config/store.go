package config

import (
	"context"
	"iter"
)

// Store stores configurations by service, environment and key. It is safe for concurrent
// use. Package configtest is the test suite for implementations.
type Store interface {
	// Get returns one configuration, or fault.NotFound.
	Get(ctx context.Context, service, environment, key string) (Configuration, error)
	// Set writes a configuration and returns it as stored, with ID, type, times and a
	// version that is one higher than any earlier version of the same service, environment
	// and key. c.Version is the version that c replaces, or 0 if there is none. If another
	// version is stored, Set writes nothing and returns fault.Aborted with the reason
	// "version_conflict": read the configuration again. It returns fault.InvalidArgument if
	// Validate refuses c, and fault.FailedPrecondition if c is Encrypted and the store has
	// no key.
	Set(ctx context.Context, c Configuration) (Configuration, error)
	// Delete removes one configuration, or returns fault.NotFound.
	Delete(ctx context.Context, service, environment, key string) error
	// List returns all configurations of a service in one environment, sorted by key. The
	// list may be empty.
	List(ctx context.Context, service, environment string) ([]Configuration, error)
}

// Watcher is what a [Store] implements, too, if it can report changes. [FromStore] uses
// it.
type Watcher interface {
	// Watch yields the result of List immediately and after each change. A slow reader
	// gets the newest list and misses those in between. An error means that the store
	// cannot be reached; the sequence continues after it with the full list. It ends
	// without an error when ctx ends, or when the reader breaks off.
	Watch(ctx context.Context, service, environment string) iter.Seq2[[]Configuration, error]
}
