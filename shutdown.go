package sinew

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/backoff"
)

// Shutdown stops the service in order and returns when everything is given
// back. When ctx ends first, what is still running is cut off, and the error is
// ctx's and names what did not end. Calls after the first wait for its result.
func (s *Service) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	before := s.life.stopping.Swap(true)
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

func (s *Service) stop(ctx context.Context) error {
	s.mu.Lock()
	presence, servers := s.life.presence, s.life.servers
	s.mu.Unlock()
	var faults []error
	if presence != nil {
		faults = append(faults, presence.end(ctx))
		_ = backoff.Wait(ctx, s.config.DrainDelay)
	}
	for _, server := range servers {
		faults = append(faults, drained(ctx, server))
	}
	faults = append(faults, s.life.serving.wait(ctx), s.endSubscriptions(ctx), s.endJobs(ctx), s.endChecks(ctx))
	faults = append(faults, within(ctx, "watching the registry", s.forget))
	s.http.CloseIdleConnections()
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("service %s: %w", s.name, err)
	}
	return nil
}

// drained ends a server when its requests are answered, or ctx's time is up.
func drained(ctx context.Context, server *http.Server) error {
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
