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

// runState is what a running service holds and must give back.
type runState struct {
	servers        []*server
	serveTasks     taskGroup
	hijacked       hijackedConns
	serveErrors    chan error // from servers that stopped by themselves
	url            string
	adminURL       string // URL of the admin pages
	announcer      *announcer
	stopping       atomic.Bool
	stopSignal     chan struct{} // closed when stopping is set
	recentlyCalled atomic.Bool   // somebody has called since waitDrainDelay reset it
	closers        []func()

	jobContext  context.Context // nil before Start
	cancelJobs  context.CancelFunc
	jobTasks    taskGroup
	jobsStopped bool

	checkContext context.Context
	cancelChecks context.CancelFunc
	checkTasks   taskGroup

	stopped chan struct{} // closed when Shutdown is done
	result  error
}

func (s *runState) startJob(job func(context.Context)) {
	s.jobTasks.start("background job "+functionName(job), func() { job(s.jobContext) })
}

func functionName(job func(context.Context)) string {
	return runtime.FuncForPC(reflect.ValueOf(job).Pointer()).Name()
}

// Main runs the service until SIGTERM or SIGINT, then shuts it down and returns. A second
// signal ends the process at once. If the service cannot start, or does not stop in time,
// Main logs the reason and ends the process with status 1.
func (s *Service) Main() {
	signaled, restore := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer restore()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	context.AfterFunc(signaled, func() {
		restore() // before the stop is visible: from here on a second signal ends the process
		stop()
	})
	if err := s.Run(ctx); err != nil {
		s.config.Logger.Error("service ended", "service", s.name, "error", err)
		os.Exit(1)
	}
}

// Run starts the service and serves until ctx ends, its listener fails or Shutdown is
// called. Then it shuts the service down, for which it allows 30 s.
func (s *Service) Run(ctx context.Context) error {
	if err := s.markStarted(); err != nil {
		return err
	}
	err := s.start(ctx)
	switch {
	case err == nil:
		select {
		case <-ctx.Done():
		case <-s.state.stopped:
		case err = <-s.state.serveErrors:
		}
	case ctx.Err() != nil, errors.Is(err, fault.Canceled):
		err = nil // stopped before it was ready
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	return errors.Join(err, s.Shutdown(drain))
}

// Start starts the service and returns when it is ready and registered. Until then it
// serves and waits: for its readiness checks, and for a registry that is unavailable. A
// port in use, or an address that others cannot reach, is fault.InvalidArgument or
// fault.Unavailable and names the setting. If Shutdown is called meanwhile, the error is
// fault.Canceled. Call Shutdown after an error. A service starts only once.
func (s *Service) Start(ctx context.Context) error {
	if err := s.markStarted(); err != nil {
		return err
	}
	return s.start(ctx)
}

func (s *Service) start(ctx context.Context) error {
	instance, err := s.listen()
	if err != nil {
		return err
	}
	if err := s.startSubscriptions(ctx); err != nil {
		return err
	}
	var announcer *announcer
	err = s.ifRunning(func() {
		for _, job := range s.jobs {
			s.state.startJob(job)
		}
		announcer = newAnnouncer(s, instance)
		s.state.announcer = announcer
	})
	if err != nil {
		return err
	}
	s.config.Logger.Info("serving", "service", s.name, "url", s.URL(), "admin", s.AdminURL())
	if s.config.Registry == nil {
		s.config.Logger.Info("no registry: the service finds itself and static addresses alone", "service", s.name)
	}
	return announcer.waitRegistered(ctx)
}

// markStarted refuses a second start, and a start after Shutdown.
func (s *Service) markStarted() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.jobContext != nil || s.state.stopping.Load() {
		return fault.FailedPrecondition.Errorf("service %s has been started or shut down before; make a new one", s.name)
	}
	s.state.jobContext, s.state.cancelJobs = context.WithCancel(context.Background())
	s.state.serveErrors = make(chan error, 2)
	return nil
}

// ifRunning calls start unless Shutdown has begun; so everything that start starts is
// stopped by Shutdown. It holds the lock during start, which must not wait.
func (s *Service) ifRunning(start func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.stopping.Load() {
		return s.errStopped()
	}
	start()
	return nil
}

func (s *Service) errStopped() error {
	return fault.Canceled.Errorf("service %s is shut down, and begins nothing more", s.name)
}

// URL returns the base URL at which others reach the service, "" before it listens.
func (s *Service) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.url
}

// AdminURL returns the base URL at which this machine reaches /metrics and /readyz, ""
// before the service listens; see Config.Admin.
func (s *Service) AdminURL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.adminURL
}
