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

// writeTimeout limits one write.
const writeTimeout = 5 * time.Second

// Registry is a [registry.Registry] that uses one Consul agent. Make one with [New], and
// close it. It is safe for concurrent use.
type Registry struct {
	config     Config
	client     *api.Client
	transport  http.RoundTripper
	log        *slog.Logger
	cancel     context.CancelFunc
	ctx        context.Context
	renewLoops sync.WaitGroup

	mu            sync.Mutex
	closed        bool
	registrations map[string]*registration // by ID
}

// New returns a registry for the agent of c. The agent need not be reachable: until it
// is, Register returns fault.Unavailable and a watch yields errors. New returns
// fault.InvalidArgument for an invalid setting.
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
	c.Token = "" // the client has it; the Config must not show it
	alive, end := context.WithCancel(context.Background())
	return &Registry{
		config: c, client: client, transport: transport, log: c.Logger,
		ctx: alive, cancel: end, registrations: map[string]*registration{},
	}, nil
}

// Register implements [registry.Registrar]. When it returns nil, the agent has the
// instance, which is then renewed until Deregister or Close. After an error i is not
// renewed, and an earlier registration of its ID is unchanged. For metadata that Consul
// refuses Register returns fault.InvalidArgument.
func (r *Registry) Register(ctx context.Context, i registry.Instance) error {
	if err := check(i); err != nil {
		return err
	}
	i.Status = cmp.Or(i.Status, registry.Healthy)
	i.Metadata, i.Tags = maps.Clone(i.Metadata), slices.Clone(i.Tags)
	reg, err := r.claim(ctx, i.ID)
	if err != nil {
		return err
	}
	defer r.release(reg)
	i.UpdatedAt = time.Now().UTC()
	i.RegisteredAt = i.UpdatedAt
	if reg.live {
		i.RegisteredAt = reg.instance.RegisteredAt
	}
	if err := r.write(ctx, i); err != nil {
		return err
	}
	reg.instance = i
	r.startRenewing(reg)
	return nil
}

// Deregister implements [registry.Registrar]. It waits for a renewal that is running.
// After an error the instance is not renewed any more, so it expires; Deregister can be
// called again.
func (r *Registry) Deregister(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	reg, err := r.claim(ctx, id)
	if err != nil {
		return err
	}
	defer r.release(reg)
	reg.stopRenewing()
	limited, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	err = r.client.Agent().ServiceDeregisterOpts(serviceID(id), (&api.QueryOptions{}).WithContext(limited))
	if err == nil || isUnknown(err) {
		return nil
	}
	return r.fault(ctx, err, "deregister instance "+id)
}

// SetStatus implements [registry.Registrar].
func (r *Registry) SetStatus(ctx context.Context, id string, s registry.Status) error {
	if err := s.Validate(); err != nil {
		return err
	}
	reg, err := r.claim(ctx, id)
	if err != nil {
		return err
	}
	defer r.release(reg)
	if !reg.live {
		return fault.NotFound.Errorf("no instance %q is registered here", id)
	}
	i := reg.instance
	i.Status, i.UpdatedAt = s, time.Now().UTC()
	if err := r.write(ctx, i); err != nil {
		return err
	}
	reg.instance = i
	return nil
}

// Close ends all renewals, waits for their end, and returns nil. Instances that were not
// deregistered expire. After Close, Register, Deregister and SetStatus change nothing and
// return fault.FailedPrecondition. A watch goes on until its context ends or its reader
// leaves the loop.
func (r *Registry) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	r.renewLoops.Wait()
	if t, ok := r.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
	return nil
}

// claim waits until the caller alone may write for the ID.
func (r *Registry) claim(ctx context.Context, id string) (*registration, error) {
	for {
		reg, err := r.registration(id)
		if err != nil {
			return nil, err
		}
		select {
		case reg.writeToken <- struct{}{}:
		case <-ctx.Done():
			select {
			case reg.writeToken <- struct{}{}:
				r.release(reg)
			default: // its holder will release it
			}
			return nil, r.fault(ctx, ctx.Err(), "write instance "+id)
		}
		if now, err := r.registration(id); err != nil || now == reg {
			if err != nil {
				<-reg.writeToken
			}
			return reg, err
		}
		<-reg.writeToken // it was released meanwhile
	}
}

func (r *Registry) registration(id string) (*registration, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, fault.FailedPrecondition.Errorf("the registry is closed; instance %q was not written", id)
	}
	reg, ok := r.registrations[id]
	if !ok {
		reg = &registration{writeToken: make(chan struct{}, 1)}
		r.registrations[id] = reg
	}
	return reg, nil
}

// release lets others write for the ID, and removes it if it is not live.
func (r *Registry) release(reg *registration) {
	if !reg.live {
		r.mu.Lock()
		maps.DeleteFunc(r.registrations, func(_ string, other *registration) bool { return other == reg })
		r.mu.Unlock()
	}
	<-reg.writeToken
}

// write registers the instance with the agent. Registering does not change the status of
// an existing check, so the status is written afterwards.
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

// renew renews the instance's check.
func (r *Registry) renew(ctx context.Context, i registry.Instance) error {
	return r.client.Agent().UpdateTTLOpts(checkID(i.ID), "", checkStatus(i.Status), (&api.QueryOptions{}).WithContext(ctx))
}
