package sinew

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// checkTimeout bounds how long a readiness check may take.
const checkTimeout = 2 * time.Second

// check is a readiness check.
type check struct {
	name    string
	run     func(context.Context) error
	current *checkRun // nil while it does not run; guarded by the service's lock
}

// checkRun is one run of a check. Everybody who asks meanwhile shares it, so that a
// hanging check is not started again.
type checkRun struct {
	ctx  context.Context // ends when the check's time is up
	done chan struct{}
	err  error // set before done is closed
}

var errCheckPanicked = fault.Internal.Errorf("the check panicked")

// AddReadinessCheck adds a condition of readiness, such as another service's
// [Client.Ready] or a database's ping. The service registers when all checks return nil,
// and deregisters while one fails. A check fails, too, if it panics or does not return
// within 2 s. A check never runs twice at the same time.
func (s *Service) AddReadinessCheck(name string, run func(context.Context) error) {
	if run == nil {
		panic("sinew: service " + s.name + ": the readiness check " + name + " is nil")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checks = append(s.checks, &check{name: name, run: run})
}

// checkReadiness returns why the service should get no calls, or nil.
func (s *Service) checkReadiness(ctx context.Context) error {
	checks, runs := s.startChecks()
	if runs == nil {
		return fault.Unavailable.Errorf("service %s is stopping", s.name)
	}
	var names []string
	var faults []error
	for i, run := range runs {
		if err := run.wait(ctx); err != nil {
			names = append(names, checks[i].name)
			faults = append(faults, fmt.Errorf("%s: %w", checks[i].name, err))
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fault.Unavailable.Errorf("service %s is not ready: it waits for %v", s.name, names).WithCause(errors.Join(faults...))
}

// startChecks starts every check that does not run already. runs is nil if the service is
// stopping.
func (s *Service) startChecks() (checks []*check, runs []*checkRun) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.stopping.Load() {
		return nil, nil
	}
	runs = make([]*checkRun, len(s.checks))
	for i, c := range s.checks {
		if c.current == nil {
			c.current = s.startCheck(c)
		}
		runs[i] = c.current
	}
	return s.checks, runs
}

// startCheck runs a check. The caller holds the lock.
func (s *Service) startCheck(c *check) *checkRun {
	ctx, cancel := context.WithTimeout(s.state.checkContext, checkTimeout)
	run := &checkRun{ctx: ctx, done: make(chan struct{}), err: errCheckPanicked}
	s.state.checkTasks.start("readiness check "+c.name, func() {
		defer cancel() // after done is closed: waiters treat the context's end as a timeout
		defer s.finishCheck(c, run)
		run.err = c.run(ctx)
	})
	return run
}

// finishCheck records the end of a run. It recovers a panic, so it must be deferred.
func (s *Service) finishCheck(c *check, run *checkRun) {
	if p := recover(); p != nil {
		s.config.Logger.Error("readiness check panicked", "service", s.name, "check", c.name, "panic", p, "stack", string(debug.Stack()))
	}
	s.mu.Lock()
	c.current = nil
	s.mu.Unlock()
	close(run.done)
}

// wait returns the check's result, or an error if there is none within the check's time or
// ctx.
func (r *checkRun) wait(ctx context.Context) error {
	select {
	case <-r.done:
	case <-r.ctx.Done():
	case <-ctx.Done():
	}
	select {
	case <-r.done:
		return r.err
	default:
		return fault.DeadlineExceeded.Errorf("it has not answered")
	}
}

// stopChecks waits for the running checks, but no longer than checkTimeout. Its error
// names a check that ignores its context; the shutdown goes on.
func (s *Service) stopChecks(ctx context.Context) error {
	s.state.cancelChecks()
	limited, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return s.state.checkTasks.wait(limited)
}
