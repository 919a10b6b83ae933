package sinew

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// checkTimeout is how long a condition of readiness may take to answer.
const checkTimeout = 2 * time.Second

// check is one condition of readiness.
type check struct {
	name string
	ok   func(context.Context) error
	now  *look // under way, nil if none is; with the service's lock
}

// look is one run of a check. Who asks meanwhile shares it, so that a check
// which hangs is not begun again.
type look struct {
	ctx  context.Context // ends when the check's time is up
	done chan struct{}
	err  error // once it is done
}

var errCheckPanicked = fault.Internal.Errorf("the check panicked")

// AddReadinessCheck adds a condition of readiness, such as another service's
// [Client.Ready] or a database's ping. The service registers when all hold,
// and deregisters while one does not. A check that panics, or does not answer
// within 2 s, does not hold. One check runs once at a time.
func (s *Service) AddReadinessCheck(name string, ok func(context.Context) error) {
	if ok == nil {
		panic("sinew: service " + s.name + ": the readiness check " + name + " is nil")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checks = append(s.checks, &check{name: name, ok: ok})
}

// unready is why the service should get no calls, or nil.
func (s *Service) unready(ctx context.Context) error {
	checks, looks := s.look()
	if looks == nil {
		return fault.Unavailable.Errorf("service %s is stopping", s.name)
	}
	var names []string
	var faults []error
	for i, l := range looks {
		if err := l.wait(ctx); err != nil {
			names = append(names, checks[i].name)
			faults = append(faults, fmt.Errorf("%s: %w", checks[i].name, err))
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fault.Unavailable.Errorf("service %s is not ready: it waits for %v", s.name, names).WithCause(errors.Join(faults...))
}

// look begins every check that is not under way. A service that stops looks no
// more: looks is nil.
func (s *Service) look() (checks []*check, looks []*look) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.stopping.Load() {
		return nil, nil
	}
	looks = make([]*look, len(s.checks))
	for i, c := range s.checks {
		if c.now == nil {
			c.now = s.begin(c)
		}
		looks[i] = c.now
	}
	return s.checks, looks
}

// begin runs a check. The lock is held.
func (s *Service) begin(c *check) *look {
	ctx, cancel := context.WithTimeout(s.life.checks, checkTimeout)
	l := &look{ctx: ctx, done: make(chan struct{}), err: errCheckPanicked}
	s.life.checking.begin("readiness check "+c.name, func() {
		defer cancel() // after done: who waits takes it for the end of the check's time
		defer s.answered(c, l)
		l.err = c.ok(ctx)
	})
	return l
}

// answered is deferred, to take note of how a check ended.
func (s *Service) answered(c *check, l *look) {
	if p := recover(); p != nil {
		s.config.Logger.Error("readiness check panicked", "service", s.name, "check", c.name, "panic", p, "stack", string(debug.Stack()))
	}
	s.mu.Lock()
	c.now = nil
	s.mu.Unlock()
	close(l.done)
}

// wait is the check's answer, or that there is none in its time or in ctx's.
func (l *look) wait(ctx context.Context) error {
	select {
	case <-l.done:
	case <-l.ctx.Done():
	case <-ctx.Done():
	}
	select {
	case <-l.done:
		return l.err
	default:
		return fault.DeadlineExceeded.Errorf("it has not answered")
	}
}

// endChecks waits for the checks under way, but not longer than their time: who
// ignores that is named, and holds up nothing more.
func (s *Service) endChecks(ctx context.Context) error {
	s.life.endChecks()
	limited, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return s.life.checking.wait(limited)
}
