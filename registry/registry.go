package registry

import (
	"context"
	"iter"
)

// Registrar registers instances. It is safe for concurrent use.
type Registrar interface {
	// Register adds an instance, or replaces the one with the same ID, and renews it
	// until Deregister. ctx applies only to the first write. An empty Status is Healthy,
	// and the registry sets the times. Register returns fault.InvalidArgument if the
	// instance is not valid, and fault.Unavailable if the registry cannot be reached:
	// then try again.
	Register(ctx context.Context, i Instance) error
	// Deregister removes the instance with this ID. It returns nil if there is no such
	// instance. After an error the instance is not renewed any more, and expires.
	Deregister(ctx context.Context, id string) error
	// SetStatus changes the status of the instance with this ID. It returns fault.NotFound
	// if this Registrar has not registered the instance, and fault.InvalidArgument if s is
	// none of the statuses.
	SetStatus(ctx context.Context, id string, s Status) error
}

// Discoverer finds instances. It is safe for concurrent use.
type Discoverer interface {
	// Watch yields all instances of a service, whatever their status, immediately and
	// after each change. The package comment has the guarantees.
	Watch(ctx context.Context, name string) iter.Seq2[[]Instance, error]
	// Services returns the instances of all services, whatever their status, that have all
	// of the tags. Without tags it returns every instance.
	Services(ctx context.Context, tags ...string) ([]Instance, error)
}

// Registry is a [Registrar] and a [Discoverer].
type Registry interface {
	Registrar
	Discoverer
}
