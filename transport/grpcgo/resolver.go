package grpcgo

import (
	"context"
	"net"
	"net/url"
	"time"

	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/resolver"

	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/registry"
)

// name is the scheme of the resolver and the name of the balancer.
const name = "sinew"

// discoveryTimeout is how long calls wait for the registry's first answer.
const discoveryTimeout = 2 * time.Second

// NewResolver returns the builder of resolvers for targets such as "sinew:///order", for
// grpc.WithResolvers. They find the instances of a service through d, and treat them as a
// registry.Resolver does: an unreachable registry removes no instance, and a removal of
// many at once is held back. Calls wait up to 2 s for the first answer of the registry.
// [Client.Options] has it for those who set Client.Registry. NewResolver panics if d is nil.
func NewResolver(d registry.Discoverer) resolver.Builder {
	if absent.Is(d) {
		panic("grpcgo.NewResolver: the registry is nil; give one, or registry.NewStatic")
	}
	return resolverBuilder{d}
}

type resolverBuilder struct{ registry registry.Discoverer }

// Scheme implements [resolver.Builder].
func (b resolverBuilder) Scheme() string { return name }

// Build implements [resolver.Builder].
func (b resolverBuilder) Build(
	target resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions,
) (resolver.Resolver, error) {
	service := target.Endpoint()
	instances := registry.NewResolver(b.registry, registry.ResolverPolicy{})
	r := &instanceResolver{Resolver: instances, ended: make(chan struct{})}
	ctx, end := context.WithTimeout(context.Background(), discoveryTimeout)
	r.end = end
	go func() {
		defer close(r.ended)
		if err := r.WaitReady(ctx, service); err != nil {
			cc.ReportError(err)
		}
	}()
	r.stop = r.Subscribe(service, func(instances []registry.Instance) {
		_ = cc.UpdateState(stateOf(instances)) // the next list comes by itself
	})
	return r, nil
}

// instanceResolver resolves one target.
type instanceResolver struct {
	*registry.Resolver
	stop, end func()
	ended     chan struct{} // closed when nothing waits for the first answer
}

// ResolveNow implements [resolver.Resolver]. The registry reports changes by itself.
func (r *instanceResolver) ResolveNow(resolver.ResolveNowOptions) {}

// Close implements [resolver.Resolver].
func (r *instanceResolver) Close() {
	r.end()
	<-r.ended
	r.stop()
	_ = r.Resolver.Close()
}

type instancesKey struct{}

// stateOf returns instances for any balancer, and whole for that of this package.
func stateOf(instances []registry.Instance) resolver.State {
	s := resolver.State{Attributes: attributes.New(instancesKey{}, instances)}
	for _, i := range instances {
		at := addressOf(i.Endpoint)
		s.Addresses = append(s.Addresses, at)
		s.Endpoints = append(s.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{at}})
	}
	return s
}

// instancesIn returns the instances of a state. An address of another resolver is an
// instance.
func instancesIn(s resolver.State) []registry.Instance {
	if instances, ok := s.Attributes.Value(instancesKey{}).([]registry.Instance); ok {
		return instances
	}
	var all []registry.Instance
	for _, e := range s.Endpoints {
		for _, a := range e.Addresses {
			all = append(all, registry.Instance{ID: a.Addr, Endpoint: "http://" + a.Addr, Status: registry.Healthy})
		}
	}
	return all
}

// addressOf returns where the instance with a base URL is reached, the zero Address if it
// has none.
func addressOf(baseURL string) resolver.Address {
	at, err := url.Parse(baseURL)
	if err != nil || at.Host == "" {
		return resolver.Address{}
	}
	port := at.Port()
	switch {
	case port != "":
	case at.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return resolver.Address{Addr: net.JoinHostPort(at.Hostname(), port), ServerName: at.Hostname()}
}
