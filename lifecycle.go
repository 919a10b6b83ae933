package sinew

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"reflect"
	"runtime"
	"sync/atomic"
	"syscall"

	"github.com/sinew-go/sinew/fault"
)

// life is what a running service holds and must give back.
type life struct {
	servers  []*server
	serving  crew
	upgraded takenOver
	failed   chan error // a server that ended by itself
	url      string
	admin    string // the URL of the admin pages
	presence *presence
	stopping atomic.Bool
	stops    chan struct{} // closed when stopping is set
	called   atomic.Bool   // by anybody, of late
	closing  []func()

	jobs     context.Context // nil before Start
	endJobs  context.CancelFunc
	running  crew
	jobsOver bool

	checks    context.Context
	endChecks context.CancelFunc
	checking  crew

	stopped chan struct{} // closed when Shutdown is done
	result  error
}

func (l *life) begin(job func(context.Context)) {
	l.running.begin("background job "+nameOf(job), func() { job(l.jobs) })
}

func nameOf(job func(context.Context)) string {
	return runtime.FuncForPC(reflect.ValueOf(job).Pointer()).Name()
}

// Main runs the service until SIGTERM or SIGINT, then shuts it down and
// returns. A second signal ends the process at once. When the service cannot
// start, or does not stop in time, Main logs why and ends the process with
// status 1.
func (s *Service) Main() {
	told, restore := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer restore()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	context.AfterFunc(told, func() {
		restore() // a further signal has its usual effect, before the first one shows
		stop()
	})
	if err := s.Run(ctx); err != nil {
		s.config.Logger.Error("service ended", "service", s.name, "error", err)
		os.Exit(1)
	}
}

// Run starts the service, serves until ctx ends, its listener fails or somebody
// calls Shutdown, and shuts it down, for which it takes 30 s at most.
func (s *Service) Run(ctx context.Context) error {
	if err := s.setOut(); err != nil {
		return err
	}
	err := s.start(ctx)
	switch {
	case err == nil:
		select {
		case <-ctx.Done():
		case <-s.life.stopped:
		case err = <-s.life.failed:
		}
	case ctx.Err() != nil, errors.Is(err, fault.Canceled):
		err = nil // told to stop before it was ready
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	return errors.Join(err, s.Shutdown(drain))
}

// Start brings the service up and returns when it is ready and registered. Until
// then it waits, already serving: for its readiness checks, and for a registry
// that is away. A taken port, or an address that others cannot reach, is
// fault.InvalidArgument or fault.Unavailable naming the setting; when Shutdown
// is called meanwhile, it is fault.Canceled. After an error call Shutdown. A
// service starts once.
func (s *Service) Start(ctx context.Context) error {
	if err := s.setOut(); err != nil {
		return err
	}
	return s.start(ctx)
}

func (s *Service) start(ctx context.Context) error {
	instance, err := s.listen()
	if err != nil {
		return err
	}
	if err := s.subscribed(ctx); err != nil {
		return err
	}
	var presence *presence
	err = s.take(func() {
		for _, job := range s.jobs {
			s.life.begin(job)
		}
		presence = newPresence(s, instance)
		s.life.presence = presence
	})
	if err != nil {
		return err
	}
	s.config.Logger.Info("serving", "service", s.name, "url", s.URL(), "admin", s.AdminURL())
	if s.config.Registry == nil {
		s.config.Logger.Info("no registry: the service finds itself and static addresses alone", "service", s.name)
	}
	return presence.registered(ctx)
}

// setOut is the one start that a service has.
func (s *Service) setOut() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.jobs != nil || s.life.stopping.Load() {
		return fault.FailedPrecondition.Errorf("service %s has been started or shut down before; make a new one", s.name)
	}
	s.life.jobs, s.life.endJobs = context.WithCancel(context.Background())
	s.life.failed = make(chan error, 2)
	return nil
}

// take begins what Shutdown will end, unless it is already about it. begin is
// called with the lock held, and does not wait.
func (s *Service) take(begin func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.stopping.Load() {
		return s.errStopped()
	}
	begin()
	return nil
}

func (s *Service) errStopped() error {
	return fault.Canceled.Errorf("service %s is shut down, and begins nothing more", s.name)
}

// URL is the base URL at which others reach the service, "" before it listens.
func (s *Service) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.life.url
}

// AdminURL is the base URL at which this machine reaches /metrics and /readyz, ""
// before the service listens; see Config.Admin.
func (s *Service) AdminURL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.life.admin
}
