package config

import (
	"context"
	"iter"
)

// Store keeps configurations by service, environment and key. It is safe for
// concurrent use. Package configtest holds its rules as a suite.
type Store interface {
	// Get is one configuration, or fault.NotFound.
	Get(ctx context.Context, service, environment, key string) (Configuration, error)
	// Set writes one and returns it as it is stored: with id, type, times, and
	// the version one higher than any before it under this name. c.Version is
	// the version that it replaces, 0 when there is none; if another is stored,
	// nothing is written and it is fault.Aborted with the reason
	// "version_conflict": read it again. It is fault.InvalidArgument when
	// Validate refuses c, and fault.FailedPrecondition when c is to be encrypted
	// and the store has no key.
	Set(ctx context.Context, c Configuration) (Configuration, error)
	// Delete removes one, or is fault.NotFound.
	Delete(ctx context.Context, service, environment, key string) error
	// List is all configurations of a service in one environment, by key. There
	// may be none.
	List(ctx context.Context, service, environment string) ([]Configuration, error)
}

// Watcher is a [Store] that tells of changes.
type Watcher interface {
	// Watch gives what List does, at once and after each change; a slow reader
	// gets the newest list, not those in between. An error says that the store
	// cannot be reached; the sequence goes on after it, with the full list. It
	// ends when ctx does, without an error, or when the reader breaks off.
	Watch(ctx context.Context, service, environment string) iter.Seq2[[]Configuration, error]
}
