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

// quiet is how long nobody has called who will not call again, where none but a few
// know the address.
const quiet = 100 * time.Millisecond

// Shutdown stops the service in order and returns when everything is given
// back. When ctx ends first, what is still running is cut off, and the error is
// ctx's and names what did not end; it is logged, too, as each step is. A ctx
// without a deadline is given 30 s. Calls after the first wait for its result.
func (s *Service) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	before := s.life.stopping.Swap(true)
	if !before {
		close(s.life.stops)
	}
	s.mu.Unlock()
	if !before {
		s.life.result = s.stop(ctx)
		close(s.life.stopped)
	}
	select {
	case <-s.life.stopped:
		return s.life.result
	default:
	}
	select {
	case <-s.life.stopped:
		return s.life.result
	case <-ctx.Done():
		return fault.CodeOf(ctx.Err()).Errorf("service %s has not stopped yet: %w", s.name, ctx.Err())
	}
}

// Stopping is closed when Shutdown begins. A handler that would go on, such as a
// stream of events, a long poll or an upgraded connection, ends when it is: by
// returning, so that its answer ends as it should. Who waits for the request's
// context alone holds the shutdown up until that is cut off.
func (s *Service) Stopping() <-chan struct{} { return s.life.stops }

func (s *Service) stop(ctx context.Context) error {
	ctx, cancel := deadline.EnsureDeadline(ctx, shutdownTimeout)
	defer cancel()
	err := s.giveBack(ctx)
	if err != nil {
		s.config.Logger.Error("the service did not stop in order", "service", s.name, "error", err)
	}
	return err
}

func (s *Service) giveBack(ctx context.Context) error {
	s.mu.Lock()
	presence, servers := s.life.presence, s.life.servers
	s.mu.Unlock()
	log, begin := s.config.Logger.With("service", s.name), time.Now()
	if servers == nil { // it has served nobody, and there is nothing to tell
		log = slog.New(slog.DiscardHandler)
	}
	until, _ := ctx.Deadline()
	log.Info("shutting down", "requests", s.limiter.Snapshot().Running, "within", time.Until(until))
	var faults []error
	did := func(what string, errs ...error) {
		if err := errors.Join(errs...); err != nil {
			faults = append(faults, err)
			return
		}
		if what == "" {
			return
		}
		log.Info(what, "duration", time.Since(begin))
	}
	if presence != nil {
		told := "not ready any more"
		if s.config.Registry != nil {
			told = "deregistered"
		}
		did(told, presence.end(ctx))
		s.spread(ctx)
	}
	var drains []error
	for _, server := range servers {
		drains = append(drains, drained(ctx, server))
	}
	did("requests are answered", append(drains, s.life.serving.wait(ctx), s.life.upgraded.end(ctx))...)
	handled, worked := "", "" // nothing is told of what there is none of
	if len(s.allSubscriptions()) > 0 {
		handled = "events are handled"
	}
	did(handled, s.endSubscriptions(ctx))
	if s.life.running.any() {
		worked = "background jobs have ended"
	}
	did(worked, s.endJobs(ctx), s.endChecks(ctx))
	did("stopped", within(ctx, "watching the registry", s.forget))
	s.http.CloseIdleConnections()
	if l := s.config.Listener; l != nil {
		_ = l.Close() // a second time, unless the service has not listened
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("service %s: %w", s.name, err)
	}
	return nil
}

// spread waits while callers hear that the service goes.
func (s *Service) spread(ctx context.Context) {
	if !s.untold {
		_ = backoff.Wait(ctx, s.config.DrainDelay)
		return
	}
	for end := time.Now().Add(s.config.DrainDelay); s.life.called.Swap(false) && time.Now().Before(end) && ctx.Err() == nil; {
		_ = backoff.Wait(ctx, quiet)
	}
}

// drained ends a server when its requests are answered, or ctx's time is up.
func drained(ctx context.Context, server *server) error {
	if c := server.connections; c != nil {
		hushing, end := context.WithCancel(ctx)
		var hush sync.WaitGroup
		hush.Go(func() { c.hush(hushing) })
		defer hush.Wait()
		defer end()
	}
	err := server.Shutdown(ctx)
	if err == nil || ctx.Err() == nil {
		return err
	}
	return errors.Join(fault.CodeOf(ctx.Err()).Errorf("requests were cut off: %w", ctx.Err()), server.Close())
}

func (s *Service) endJobs(ctx context.Context) error {
	s.mu.Lock()
	s.life.jobsOver = true
	end := s.life.endJobs
	s.mu.Unlock()
	if end != nil {
		end()
	}
	return s.life.running.wait(ctx)
}

// forget ends all that watches the registry.
func (s *Service) forget() error {
	s.mu.Lock()
	closing := s.life.closing
	s.mu.Unlock()
	for _, c := range closing {
		c()
	}
	return s.resolver.Close()
}
