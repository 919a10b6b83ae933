package registry

import (
	"context"
	"iter"
)

// Registrar announces instances. It is safe for concurrent use.
type Registrar interface {
	// Register adds the instance, or replaces the one with its id, and keeps it
	// alive until Deregister; ctx bounds the first write alone. An empty Status
	// is Healthy, and the registry sets the times. It is fault.InvalidArgument
	// when the instance lacks something, and fault.Unavailable when the
	// registry is away: try again then.
	Register(ctx context.Context, i Instance) error
	// Deregister removes the instance. One that is not there is no error. After
	// an error nothing renews the instance any more, and it expires.
	Deregister(ctx context.Context, id string) error
	// SetStatus changes the health of an instance registered here, else it is
	// fault.NotFound.
	SetStatus(ctx context.Context, id string, s Status) error
}

// Discoverer finds instances. It is safe for concurrent use.
type Discoverer interface {
	// Watch gives all instances of a service, whatever their status, at once
	// and after each change. See the package's guarantees.
	Watch(ctx context.Context, name string) iter.Seq2[[]Instance, error]
	// Services lists the instances of all services that have all of the tags.
	Services(ctx context.Context, tags ...string) ([]Instance, error)
}

// Registry is a [Registrar] and a [Discoverer].
type Registry interface {
	Registrar
	Discoverer
}
