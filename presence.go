package sinew

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/backoff"
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
	log      *slog.Logger
	first    chan struct{} // closed at the first registration
	cancel   context.CancelFunc
	done     chan struct{}
	why      atomic.Pointer[error] // it was not ready when last looked at

	// Owned by keep, and by others once keep is done.
	listed    bool  // in the registry
	tried     bool  // perhaps in the registry: what gave an error may have been written
	refused   error // the registry will never take the instance
	complaint string
}

func newPresence(s *Service, i registry.Instance) *presence {
	ctx, cancel := context.WithCancel(context.Background())
	p := &presence{
		service: s, instance: i, log: s.config.Logger.With("service", s.name, "instance", i.ID),
		first: make(chan struct{}), cancel: cancel, done: make(chan struct{}),
	}
	go p.keep(ctx)
	return p
}

// registered waits for the first registration.
func (p *presence) registered(ctx context.Context) error {
	select {
	case <-p.first:
		return nil
	case <-p.done:
		if p.refused != nil {
			return fault.InvalidArgument.Errorf("service %s cannot be registered: %w", p.service.name, p.refused)
		}
		return p.service.errStopped()
	case <-ctx.Done():
		why := ctx.Err()
		if last := p.why.Load(); last != nil {
			why = errors.Join(why, *last)
		}
		return fault.CodeOf(ctx.Err()).Errorf("service %s did not get ready in time: %w", p.service.name, why)
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
		if !p.tried {
			return nil
		}
		return p.leave(limited)
	})
}

func (p *presence) keep(ctx context.Context) {
	defer close(p.done)
	look := firstLook
	for ctx.Err() == nil {
		err := p.service.unready(ctx)
		switch {
		case err == nil && !p.listed:
			if err = p.enter(ctx); err == nil {
				look = steadyLook
			}
		case err != nil && p.tried && ctx.Err() == nil:
			gone := p.leave(ctx)
			if gone == nil {
				look = firstLook
			}
			err = errors.Join(err, gone)
		}
		if err != nil && ctx.Err() == nil {
			p.why.Store(&err)
			p.complain(look, err.Error())
		}
		_ = backoff.Wait(ctx, look)
		look = min(look*2, steadyLook)
	}
}

// enter registers. What the registry never takes is not tried again, unless it
// has taken it before.
func (p *presence) enter(ctx context.Context) error {
	p.tried = true
	err := p.service.registry.Register(ctx, p.instance)
	if err != nil {
		if errors.Is(err, fault.InvalidArgument) && !p.announced() {
			p.refused = err
			p.cancel()
		}
		return err
	}
	p.listed, p.complaint = true, ""
	if p.service.config.Registry != nil {
		p.log.Info("registered", "endpoint", p.instance.Endpoint)
	}
	if !p.announced() {
		close(p.first)
	}
	return nil
}

// leave deregisters. After an error nothing renews the instance, so that it is
// not listed for long.
func (p *presence) leave(ctx context.Context) error {
	p.listed = false
	err := p.service.registry.Deregister(ctx, p.instance.ID)
	p.tried = err != nil
	return err
}

func (p *presence) announced() bool {
	select {
	case <-p.first:
		return true
	default:
		return false
	}
}

// complain logs each reason that lasts once.
func (p *presence) complain(look time.Duration, why string) {
	if look == steadyLook && why != p.complaint {
		p.complaint = why
		p.log.Warn("not ready", "why", why)
	}
}
