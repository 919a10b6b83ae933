package consul

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
)

// writeTimeout is how long one write may take.
const writeTimeout = 5 * time.Second

// Registry is a [registry.Registry] on one Consul agent. Make it with [New] and
// close it. It is safe for concurrent use.
type Registry struct {
	config    Config
	client    *api.Client
	transport http.RoundTripper
	log       *slog.Logger
	end       context.CancelFunc
	alive     context.Context
	keepers   sync.WaitGroup

	mu     sync.Mutex
	closed bool
	held   map[string]*registration // by id
}

// New makes a registry on the agent that c names, which need not be there yet:
// until it is, Register is fault.Unavailable and a watch gives errors. A wrong
// setting is fault.InvalidArgument.
func New(c Config) (*Registry, error) {
	return newRegistry(c, newTransport(c))
}

func newRegistry(c Config, transport http.RoundTripper) (*Registry, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	client, err := c.client(transport)
	if err != nil {
		return nil, err
	}
	c = c.withDefaults()
	c.Token = "" // the client has it, and nothing else can show it
	alive, end := context.WithCancel(context.Background())
	return &Registry{
		config: c, client: client, transport: transport, log: c.Logger,
		alive: alive, end: end, held: map[string]*registration{},
	}, nil
}

// Register implements [registry.Registrar]. When it returns nil the agent has
// the instance, which is renewed from then on until Deregister or Close. After
// an error it is not renewed; one registered before stays as it was. Metadata
// that Consul does not take is fault.InvalidArgument.
func (r *Registry) Register(ctx context.Context, i registry.Instance) error {
	if err := check(i); err != nil {
		return err
	}
	i.Status = cmp.Or(i.Status, registry.Healthy)
	i.Metadata, i.Tags = maps.Clone(i.Metadata), slices.Clone(i.Tags)
	g, err := r.claim(ctx, i.ID)
	if err != nil {
		return err
	}
	defer r.release(g)
	i.UpdatedAt = time.Now().UTC()
	i.RegisteredAt = i.UpdatedAt
	if g.live {
		i.RegisteredAt = g.instance.RegisteredAt
	}
	if err := r.write(ctx, i); err != nil {
		return err
	}
	g.instance = i
	r.keep(g)
	return nil
}

// Deregister implements [registry.Registrar]. It waits for a renewal that is
// going on. After an error the instance is not renewed any more, so it expires;
// Deregister can be called again.
func (r *Registry) Deregister(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	g, err := r.claim(ctx, id)
	if err != nil {
		return err
	}
	defer r.release(g)
	g.endKeeper()
	limited, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	err = r.client.Agent().ServiceDeregisterOpts(serviceID(id), (&api.QueryOptions{}).WithContext(limited))
	if err == nil || unknown(err) {
		return nil
	}
	return r.fault(ctx, err, "deregister instance "+id)
}

// SetStatus implements [registry.Registrar].
func (r *Registry) SetStatus(ctx context.Context, id string, s registry.Status) error {
	if err := s.Validate(); err != nil {
		return err
	}
	g, err := r.claim(ctx, id)
	if err != nil {
		return err
	}
	defer r.release(g)
	if !g.live {
		return fault.NotFound.Errorf("no instance %q is registered here", id)
	}
	i := g.instance
	i.Status, i.UpdatedAt = s, time.Now().UTC()
	if err := r.write(ctx, i); err != nil {
		return err
	}
	g.instance = i
	return nil
}

// Close ends all renewals and waits for them. Instances that are not
// deregistered expire. Afterwards nothing can be registered or deregistered;
// watches go on until their own end.
func (r *Registry) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.end()
	r.keepers.Wait()
	if t, ok := r.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
	return nil
}

// claim waits until the caller alone writes for the id.
func (r *Registry) claim(ctx context.Context, id string) (*registration, error) {
	for {
		g, err := r.registration(id)
		if err != nil {
			return nil, err
		}
		select {
		case g.writing <- struct{}{}:
		case <-ctx.Done():
			select {
			case g.writing <- struct{}{}:
				r.release(g)
			default: // whoever writes will
			}
			return nil, r.fault(ctx, ctx.Err(), "write instance "+id)
		}
		if now, err := r.registration(id); err != nil || now == g {
			if err != nil {
				<-g.writing
			}
			return g, err
		}
		<-g.writing // it ended while we waited
	}
}

func (r *Registry) registration(id string) (*registration, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, fault.FailedPrecondition.Errorf("the registry is closed; instance %q was not written", id)
	}
	g, ok := r.held[id]
	if !ok {
		g = &registration{writing: make(chan struct{}, 1)}
		r.held[id] = g
	}
	return g, nil
}

// release lets others write for the id, and forgets it when it is not live.
func (r *Registry) release(g *registration) {
	if !g.live {
		r.mu.Lock()
		maps.DeleteFunc(r.held, func(_ string, other *registration) bool { return other == g })
		r.mu.Unlock()
	}
	<-g.writing
}

// write makes the agent's record what the instance says. Registering does not
// change the status of a check that is there, so that is written after it.
func (r *Registry) write(ctx context.Context, i registry.Instance) error {
	limited, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	opts := api.ServiceRegisterOpts{ReplaceExistingChecks: true}.WithContext(limited)
	err := r.client.Agent().ServiceRegisterOpts(r.config.record(i), opts)
	if err == nil {
		err = r.renew(limited, i)
	}
	if err != nil {
		return r.fault(ctx, err, "register instance "+i.ID)
	}
	return nil
}

// renew tells the agent that the instance lives.
func (r *Registry) renew(ctx context.Context, i registry.Instance) error {
	return r.client.Agent().UpdateTTLOpts(checkID(i.ID), "", checkStatus(i.Status), (&api.QueryOptions{}).WithContext(ctx))
}
