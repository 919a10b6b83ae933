package sinew

import (
	"context"
	"iter"

	"github.com/sinew-go/sinew/registry"
)

// withStatic returns a discoverer that answers for the fixed addresses itself, and asks r
// about all other services.
func withStatic(r registry.Discoverer, addresses map[string][]string) registry.Discoverer {
	if len(addresses) == 0 {
		return r
	}
	return static{Discoverer: r, fixed: registry.NewStatic(addresses), addresses: addresses}
}

type static struct {
	registry.Discoverer
	fixed     registry.Discoverer
	addresses map[string][]string
}

// Watch implements registry.Discoverer.
func (s static) Watch(ctx context.Context, name string) iter.Seq2[[]registry.Instance, error] {
	if _, ok := s.addresses[name]; ok {
		return s.fixed.Watch(ctx, name)
	}
	return s.Discoverer.Watch(ctx, name)
}
