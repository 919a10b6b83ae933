package sinew

import (
	"context"
	"time"

	"github.com/sinew-go/sinew/registry"
)

// How often readiness is looked at: at first often, then once a second.
const (
	firstLook  = 20 * time.Millisecond
	steadyLook = time.Second
)

// registryTimeout is how long the registry may take to let go of the service.
const registryTimeout = 5 * time.Second

// presence keeps the service in the registry exactly while it is ready.
type presence struct {
	service  *Service
	instance registry.Instance
	first    chan struct{} // closed at the first registration
	cancel   context.CancelFunc
	done     chan struct{}
	listed   bool // owned by keep, and by end once keep is done
}

func newPresence(s *Service, i registry.Instance) *presence {
	ctx, cancel := context.WithCancel(context.Background())
	p := &presence{service: s, instance: i, first: make(chan struct{}), cancel: cancel, done: make(chan struct{})}
	go p.keep(ctx)
	return p
}

// registered waits for the first registration.
func (p *presence) registered(ctx context.Context) error {
	select {
	case <-p.first:
		return nil
	case <-p.done:
		return context.Canceled
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end takes the service out of the registry for good. A registry that does not
// answer leaves time for what is to be done after it.
func (p *presence) end(ctx context.Context) error {
	p.cancel()
	limited, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	return within(limited, "leaving the registry", func() error {
		<-p.done
		if !p.listed {
			return nil
		}
		return p.service.registry.Deregister(limited, p.instance.ID)
	})
}

func (p *presence) keep(ctx context.Context) {
	defer close(p.done)
	log := p.service.config.Logger.With("service", p.service.name, "instance", p.instance.ID)
	look, complaint := firstLook, ""
	for ctx.Err() == nil {
		err := p.service.unready(ctx)
		switch {
		case err == nil && !p.listed:
			if err = p.service.registry.Register(ctx, p.instance); err == nil {
				p.listed, look, complaint = true, steadyLook, ""
				log.Info("registered", "endpoint", p.instance.Endpoint)
				p.announce()
			}
		case err != nil && p.listed && ctx.Err() == nil:
			if gone := p.service.registry.Deregister(ctx, p.instance.ID); gone == nil {
				p.listed, look = false, firstLook
			}
		}
		if err != nil && look == steadyLook && err.Error() != complaint && ctx.Err() == nil {
			complaint = err.Error()
			log.Warn("not in the registry", "why", complaint)
		}
		wait(ctx, look)
		look = min(look*2, steadyLook)
	}
}

func (p *presence) announce() {
	select {
	case <-p.first:
	default:
		close(p.first)
	}
}
