package sinew

import (
	"context"
	"errors"

	"github.com/sinew-go/sinew/internal/service"
)

// register announces the service and waits until it is ready and registered.
func (s *Service) register(ctx context.Context) error {
	s.mu.Lock()
	instance := s.instance
	s.mu.Unlock()
	if err := s.announcer.Start(instance); err != nil {
		return err
	}
	s.config.Logger.Info("serving", "service", s.name, "url", s.URL(), "admin", s.AdminURL())
	if s.config.Registry == nil {
		s.config.Logger.Info("no registry: the service finds itself and static addresses alone", "service", s.name)
	}
	return s.announcer.WaitRegistered(ctx)
}

// waitDrainDelay waits while callers learn that the service stops, if any could know it.
func (s *Service) waitDrainDelay(ctx context.Context) (bool, error) {
	if s.announcer.IsStarted() {
		s.drainDelay.Wait(ctx)
	}
	return false, nil
}

// stopJobs ends the background jobs and then the checks, which both may call others.
func (s *Service) stopJobs(ctx context.Context) (ran bool, err error) {
	ran, err = s.jobs.Stop(ctx)
	return ran, errors.Join(err, s.readiness.Stop(ctx))
}

// closeWatches ends everything that watches the registry or the clients, and hides the
// gauges.
func (s *Service) closeWatches(ctx context.Context) (bool, error) {
	return true, service.Within(ctx, "watching the registry", func() error {
		s.mu.Lock()
		closers := s.closers
		s.watchesClosed = true
		s.mu.Unlock()
		for _, c := range closers {
			c()
		}
		return s.resolver.Close()
	})
}

// closeConnections closes what no request uses any more.
func (s *Service) closeConnections(context.Context) (bool, error) {
	s.http.CloseIdleConnections()
	s.http2.CloseIdleConnections()
	if l := s.config.Listener; l != nil {
		_ = l.Close() // needed if the service never listened; else a harmless second Close
	}
	return false, nil
}

// Go adds a background job. It starts with the service, or at once if that has started.
// Its context ends when the service stops, after the last request and event are answered,
// and Shutdown waits for it. A job that is added after that does not start, which is
// logged.
func (s *Service) Go(job func(ctx context.Context)) {
	if job == nil {
		panic("sinew: service " + s.name + ": a background job is nil")
	}
	if !s.jobs.Add(job) {
		s.config.Logger.Warn("background job not started: the service is shut down",
			"service", s.name, "job", service.FunctionName(job))
	}
}

// AddReadinessCheck adds a condition of readiness, such as another service's
// [Client.Ready] or a database's ping. The service registers when all checks return nil,
// and deregisters while one fails. A check fails, too, if it panics or does not return
// within 2 s. A check never runs twice at the same time.
func (s *Service) AddReadinessCheck(name string, run func(context.Context) error) {
	if run == nil {
		panic("sinew: service " + s.name + ": the readiness check " + name + " is nil")
	}
	s.readiness.Add(name, run)
}
