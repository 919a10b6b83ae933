package service

import (
	"sync"
	"sync/atomic"

	"github.com/sinew-go/sinew/fault"
)

// RunState says how far a service is: new, started, or stopping. It never goes back.
type RunState struct {
	service string

	mu       sync.Mutex
	started  atomic.Bool
	stopping atomic.Bool
	signal   chan struct{} // closed once stopping is set
}

// NewRunState returns the state of a new service with this name.
func NewRunState(service string) *RunState {
	return &RunState{service: service, signal: make(chan struct{})}
}

// Start marks the service as started. It refuses a second start, and a start after Stop.
func (r *RunState) Start() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.started.Load() || r.stopping.Load() {
		return fault.FailedPrecondition.Errorf("service %s has been started or shut down before; make a new one", r.service)
	}
	r.started.Store(true)
	return nil
}

// Stop marks the service as stopping, and reports whether this is the first call.
func (r *RunState) Stop() (first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping.Swap(true) {
		return false
	}
	close(r.signal)
	return true
}

// IsStarted reports whether Start has succeeded.
func (r *RunState) IsStarted() bool { return r.started.Load() }

// IsStopping reports whether Stop has been called.
func (r *RunState) IsStopping() bool { return r.stopping.Load() }

// Stopping returns a channel that Stop closes.
func (r *RunState) Stopping() <-chan struct{} { return r.signal }

// Err returns fault.Canceled once the service is stopping, else nil.
func (r *RunState) Err() error {
	if !r.IsStopping() {
		return nil
	}
	return r.errStopped()
}

func (r *RunState) errStopped() error {
	return fault.Canceled.Errorf("service %s is shut down, and starts nothing more", r.service)
}
