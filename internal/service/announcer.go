package service

import (
	"context"
	"errors"
	"log/slog"
	"sync"
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

// Announcer registers an instance of a service exactly while it is ready.
type Announcer struct {
	state   *RunState
	to      Announcement
	log     *slog.Logger    // set by Start
	ctx     context.Context // of run
	cancel  context.CancelFunc
	mu      sync.Mutex
	started bool

	registeredOnce chan struct{}         // closed after the first registration
	done           chan struct{}         // closed when run ends
	lastReason     atomic.Pointer[error] // why it was not ready at the latest failed poll

	// Owned by run; others may read them once done is closed.
	instance        registry.Instance
	isRegistered    bool  // as far as the registry has confirmed
	mayBeRegistered bool  // a registration that returned an error may have been written
	rejected        error // the registry's refusal, which is final
	loggedReason    string
}

// Announcement is where and when an [Announcer] registers.
type Announcement struct {
	Registry registry.Registrar
	// Ready returns why the service should get no calls, or nil.
	Ready func(context.Context) error
	Log   *slog.Logger
	// Private says that only the service itself reads the registry; then a registration is
	// not worth a line in the log.
	Private bool
}

// NewAnnouncer returns an announcer that has registered nothing.
func NewAnnouncer(state *RunState, to Announcement) *Announcer {
	a := &Announcer{state: state, to: to, registeredOnce: make(chan struct{}), done: make(chan struct{})}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	return a
}

// Start starts to announce i, unless the service is stopping. Call it once.
func (a *Announcer) Start(i registry.Instance) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.state.Err(); err != nil {
		return err
	}
	a.started, a.instance, a.log = true, i, a.to.Log.With("instance", i.ID)
	go a.run(a.ctx)
	return nil
}

// IsStarted reports whether Start has succeeded.
func (a *Announcer) IsStarted() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.started
}

// WaitRegistered waits for the first registration. Call it after Start.
func (a *Announcer) WaitRegistered(ctx context.Context) error {
	select {
	case <-a.registeredOnce:
		return nil
	case <-a.done:
		if a.rejected != nil {
			return fault.InvalidArgument.Errorf("service %s cannot be registered: %w", a.state.service, a.rejected)
		}
		return a.state.errStopped()
	case <-ctx.Done():
		why := ctx.Err()
		if last := a.lastReason.Load(); last != nil {
			why = errors.Join(why, *last)
		}
		return fault.CodeOf(ctx.Err()).Errorf("service %s did not get ready in time: %w", a.state.service, why)
	}
}

// Stop deregisters the instance for good. It reports whether it was announced. It limits
// the wait for a registry that does not answer, so that time is left for what stops later.
func (a *Announcer) Stop(ctx context.Context) (announced bool, err error) {
	a.cancel()
	if !a.IsStarted() {
		return false, nil
	}
	limited, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	return true, Within(limited, "leaving the registry", func() error {
		<-a.done
		if !a.mayBeRegistered {
			return nil
		}
		return a.deregister(limited)
	})
}

func (a *Announcer) run(ctx context.Context) {
	defer close(a.done)
	interval := minPollInterval
	for ctx.Err() == nil {
		err := a.to.Ready(ctx)
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
func (a *Announcer) register(ctx context.Context) error {
	a.mayBeRegistered = true
	err := a.to.Registry.Register(ctx, a.instance)
	if err != nil {
		if errors.Is(err, fault.InvalidArgument) && !a.wasRegistered() {
			a.rejected = err
			a.cancel()
		}
		return err
	}
	a.isRegistered, a.loggedReason = true, ""
	if !a.to.Private {
		a.log.Info("registered", "endpoint", a.instance.Endpoint)
	}
	if !a.wasRegistered() {
		close(a.registeredOnce)
	}
	return nil
}

// deregister removes the instance. After an error nothing renews the registration, so that it
// expires.
func (a *Announcer) deregister(ctx context.Context) error {
	a.isRegistered = false
	err := a.to.Registry.Deregister(ctx, a.instance.ID)
	a.mayBeRegistered = err != nil
	return err
}

func (a *Announcer) wasRegistered() bool {
	select {
	case <-a.registeredOnce:
		return true
	default:
		return false
	}
}

// logReason logs a reason once, and only if it has lasted until polling is at its slowest.
func (a *Announcer) logReason(interval time.Duration, why string) {
	if interval == maxPollInterval && why != a.loggedReason {
		a.loggedReason = why
		a.log.Warn("not ready", "why", why)
	}
}
