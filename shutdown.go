package sinew

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/backoff"
	"github.com/sinew-go/sinew/internal/deadline"
)

// idleCallerTime is how long callers must not have called before a service that only they
// know stops answering.
const idleCallerTime = 100 * time.Millisecond

// Shutdown stops the service in order and returns when everything is released. If ctx ends
// first, whatever still runs is cut off; the error then is ctx's and names what did not
// end. It is logged, too, as each step is. A ctx without a deadline gets 30 s. Calls after
// the first wait for its result.
func (s *Service) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	before := s.state.stopping.Swap(true)
	if !before {
		close(s.state.stopSignal)
	}
	s.mu.Unlock()
	if !before {
		s.state.result = s.stop(ctx)
		close(s.state.stopped)
	}
	select {
	case <-s.state.stopped:
		return s.state.result
	default:
	}
	select {
	case <-s.state.stopped:
		return s.state.result
	case <-ctx.Done():
		return fault.CodeOf(ctx.Err()).Errorf("service %s has not stopped yet: %w", s.name, ctx.Err())
	}
}

// Stopping returns a channel that is closed when Shutdown starts. A handler that would go
// on, such as a stream of events, a long poll or an upgraded connection, must then return,
// so that its answer ends properly. A handler that waits only for the request's context
// delays the shutdown until it is cut off.
func (s *Service) Stopping() <-chan struct{} { return s.state.stopSignal }

func (s *Service) stop(ctx context.Context) error {
	ctx, cancel := deadline.EnsureDeadline(ctx, shutdownTimeout)
	defer cancel()
	err := s.stopInOrder(ctx)
	if err != nil {
		s.config.Logger.Error("the service did not stop in order", "service", s.name, "error", err)
	}
	return err
}

func (s *Service) stopInOrder(ctx context.Context) error {
	s.mu.Lock()
	announcer, servers := s.state.announcer, s.state.servers
	s.mu.Unlock()
	log, start := s.config.Logger.With("service", s.name), time.Now()
	if servers == nil { // it has not served, so there is nothing to report
		log = slog.New(slog.DiscardHandler)
	}
	until, _ := ctx.Deadline()
	log.Info("shutting down", "requests", s.limiter.Snapshot().InFlight, "within", time.Until(until))
	var faults []error
	logStep := func(what string, errs ...error) {
		if err := errors.Join(errs...); err != nil {
			faults = append(faults, err)
			return
		}
		if what == "" {
			return
		}
		log.Info(what, "duration", time.Since(start))
	}
	if announcer != nil {
		step := "not ready any more"
		if s.config.Registry != nil {
			step = "deregistered"
		}
		logStep(step, announcer.stop(ctx))
		s.waitDrainDelay(ctx)
	}
	var drains []error
	for _, server := range servers {
		drains = append(drains, shutdownServer(ctx, server))
	}
	logStep("requests are answered", append(drains, s.state.serveTasks.wait(ctx), s.state.hijacked.drain(ctx))...)
	eventsStep, jobsStep := "", "" // a step without anything to stop is not logged
	if len(s.allSubscriptions()) > 0 {
		eventsStep = "events are handled"
	}
	logStep(eventsStep, s.stopSubscriptions(ctx))
	if s.state.jobTasks.isBusy() {
		jobsStep = "background jobs have ended"
	}
	logStep(jobsStep, s.stopJobs(ctx), s.stopChecks(ctx))
	logStep("stopped", runWithin(ctx, "watching the registry", s.closeAll))
	s.http.CloseIdleConnections()
	if l := s.config.Listener; l != nil {
		_ = l.Close() // needed if the service never listened; else a harmless second Close
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("service %s: %w", s.name, err)
	}
	return nil
}

// waitDrainDelay waits while callers learn that the service stops.
func (s *Service) waitDrainDelay(ctx context.Context) {
	if !s.unadvertised {
		_ = backoff.Wait(ctx, s.config.DrainDelay)
		return
	}
	for end := time.Now().Add(s.config.DrainDelay); s.state.recentlyCalled.Swap(false) && time.Now().Before(end) && ctx.Err() == nil; {
		_ = backoff.Wait(ctx, idleCallerTime)
	}
}

// shutdownServer stops a server when its requests are answered. When ctx ends, it cuts
// them off.
func shutdownServer(ctx context.Context, server *server) error {
	if c := server.bounded; c != nil {
		closing, end := context.WithCancel(ctx)
		var silent sync.WaitGroup
		silent.Go(func() { c.closeSilent(closing) })
		defer silent.Wait()
		defer end()
	}
	err := server.Shutdown(ctx)
	if err == nil || ctx.Err() == nil {
		return err
	}
	return errors.Join(fault.CodeOf(ctx.Err()).Errorf("requests were cut off: %w", ctx.Err()), server.Close())
}

func (s *Service) stopJobs(ctx context.Context) error {
	s.mu.Lock()
	s.state.jobsStopped = true
	end := s.state.cancelJobs
	s.mu.Unlock()
	if end != nil {
		end()
	}
	return s.state.jobTasks.wait(ctx)
}

// closeAll ends everything that watches the registry or the clients, and hides the gauges.
func (s *Service) closeAll() error {
	s.mu.Lock()
	closers := s.state.closers
	s.mu.Unlock()
	for _, c := range closers {
		c()
	}
	return s.resolver.Close()
}
