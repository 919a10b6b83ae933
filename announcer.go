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

// The interval at which readiness is polled: it starts at the minimum and doubles up to
// the maximum.
const (
	minPollInterval = 20 * time.Millisecond
	maxPollInterval = time.Second
)

// registryTimeout bounds how long a deregistration may take.
const registryTimeout = 5 * time.Second

// announcer keeps the service in the registry exactly while it is ready.
type announcer struct {
	service        *Service
	instance       registry.Instance
	log            *slog.Logger
	registeredOnce chan struct{} // closed after the first registration
	cancel         context.CancelFunc
	done           chan struct{}
	lastReason     atomic.Pointer[error] // why it was not ready at the latest failed poll

	// Owned by run; others may read them once done is closed.
	isRegistered    bool  // as far as the registry has confirmed
	mayBeRegistered bool  // a registration that returned an error may have been written
	rejected        error // the registry's refusal, which is final
	loggedReason    string
}

func newAnnouncer(s *Service, i registry.Instance) *announcer {
	ctx, cancel := context.WithCancel(context.Background())
	a := &announcer{
		service: s, instance: i, log: s.config.Logger.With("service", s.name, "instance", i.ID),
		registeredOnce: make(chan struct{}), cancel: cancel, done: make(chan struct{}),
	}
	go a.run(ctx)
	return a
}

// waitRegistered waits for the first registration.
func (a *announcer) waitRegistered(ctx context.Context) error {
	select {
	case <-a.registeredOnce:
		return nil
	case <-a.done:
		if a.rejected != nil {
			return fault.InvalidArgument.Errorf("service %s cannot be registered: %w", a.service.name, a.rejected)
		}
		return a.service.errStopped()
	case <-ctx.Done():
		why := ctx.Err()
		if last := a.lastReason.Load(); last != nil {
			why = errors.Join(why, *last)
		}
		return fault.CodeOf(ctx.Err()).Errorf("service %s did not get ready in time: %w", a.service.name, why)
	}
}

// stop deregisters the service for good. It limits the wait for a registry that does not
// answer, so that time is left for the other steps of the shutdown.
func (a *announcer) stop(ctx context.Context) error {
	a.cancel()
	limited, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	return runWithin(limited, "leaving the registry", func() error {
		<-a.done
		if !a.mayBeRegistered {
			return nil
		}
		return a.deregister(limited)
	})
}

func (a *announcer) run(ctx context.Context) {
	defer close(a.done)
	interval := minPollInterval
	for ctx.Err() == nil {
		err := a.service.checkReadiness(ctx)
		switch {
		case err == nil && !a.isRegistered:
			if err = a.register(ctx); err == nil {
				interval = maxPollInterval
			}
		case err != nil && a.mayBeRegistered && ctx.Err() == nil:
			deregisterErr := a.deregister(ctx)
			if deregisterErr == nil {
				interval = minPollInterval
			}
			err = errors.Join(err, deregisterErr)
		}
		if err != nil && ctx.Err() == nil {
			a.lastReason.Store(&err)
			a.logReason(interval, err.Error())
		}
		_ = backoff.Wait(ctx, interval)
		interval = min(interval*2, maxPollInterval)
	}
}

// register registers the instance. If the registry refuses it as invalid, the announcer
// gives up, unless the registry has accepted it before.
func (a *announcer) register(ctx context.Context) error {
	a.mayBeRegistered = true
	err := a.service.registry.Register(ctx, a.instance)
	if err != nil {
		if errors.Is(err, fault.InvalidArgument) && !a.wasRegistered() {
			a.rejected = err
			a.cancel()
		}
		return err
	}
	a.isRegistered, a.loggedReason = true, ""
	if a.service.config.Registry != nil {
		a.log.Info("registered", "endpoint", a.instance.Endpoint)
	}
	if !a.wasRegistered() {
		close(a.registeredOnce)
	}
	return nil
}

// deregister removes the instance. After an error nothing renews the registration, so that it
// expires.
func (a *announcer) deregister(ctx context.Context) error {
	a.isRegistered = false
	err := a.service.registry.Deregister(ctx, a.instance.ID)
	a.mayBeRegistered = err != nil
	return err
}

func (a *announcer) wasRegistered() bool {
	select {
	case <-a.registeredOnce:
		return true
	default:
		return false
	}
}

// logReason logs a reason once, and only if it has lasted until polling is at its slowest.
func (a *announcer) logReason(interval time.Duration, why string) {
	if interval == maxPollInterval && why != a.loggedReason {
		a.loggedReason = why
		a.log.Warn("not ready", "why", why)
	}
}
