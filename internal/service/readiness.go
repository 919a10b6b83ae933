package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// checkTimeout bounds how long a readiness check may take.
const checkTimeout = 2 * time.Second

// Readiness are the conditions under which a service should get calls.
type Readiness struct {
	state *RunState
	log   *slog.Logger

	ctx    context.Context // of every run; ends in Stop
	cancel context.CancelFunc
	tasks  TaskGroup

	mu     sync.Mutex
	checks []*check
}

// check is a readiness check.
type check struct {
	name    string
	run     func(context.Context) error
	current *checkRun // nil while it does not run; guarded by Readiness.mu
}

// checkRun is one run of a check. Everybody who asks meanwhile shares it, so that a
// hanging check is not started again.
type checkRun struct {
	ctx  context.Context // ends when the check's time is up
	done chan struct{}
	err  error // set before done is closed
}

var errCheckPanicked = fault.Internal.Errorf("the check panicked")

// NewReadiness returns the readiness of a service without a check: it is ready until it
// stops.
func NewReadiness(state *RunState, log *slog.Logger) *Readiness {
	r := &Readiness{state: state, log: log}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// Add adds a check. It fails, too, if it panics or does not return within 2 s, and never
// runs twice at the same time.
func (r *Readiness) Add(name string, run func(context.Context) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.checks = append(r.checks, &check{name: name, run: run})
}

// Check runs all checks and returns why the service should get no calls, or nil. A check
// that has no result when ctx ends has failed; it goes on for those who ask later.
func (r *Readiness) Check(ctx context.Context) error {
	checks, runs := r.startChecks()
	if runs == nil {
		return fault.Unavailable.Errorf("service %s is stopping", r.state.service)
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
	err := fault.Unavailable.Errorf("service %s is not ready: it waits for %v", r.state.service, names)
	return err.WithCause(errors.Join(faults...))
}

// startChecks starts every check that does not run already. runs is nil if the service is
// stopping.
func (r *Readiness) startChecks() (checks []*check, runs []*checkRun) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state.IsStopping() {
		return nil, nil
	}
	runs = make([]*checkRun, len(r.checks))
	for i, c := range r.checks {
		if c.current == nil {
			c.current = r.startCheck(c)
		}
		runs[i] = c.current
	}
	return r.checks, runs
}

// startCheck runs a check. The caller holds the lock.
func (r *Readiness) startCheck(c *check) *checkRun {
	ctx, cancel := context.WithTimeout(r.ctx, checkTimeout)
	run := &checkRun{ctx: ctx, done: make(chan struct{}), err: errCheckPanicked}
	r.tasks.Start("readiness check "+c.name, func() {
		defer cancel() // after done is closed: waiters treat the context's end as a timeout
		defer r.finishCheck(c, run)
		run.err = c.run(ctx)
	})
	return run
}

// finishCheck records the end of a run. It recovers a panic, so it must be deferred.
func (r *Readiness) finishCheck(c *check, run *checkRun) {
	if p := recover(); p != nil {
		r.log.Error("readiness check panicked", "check", c.name, "panic", p, "stack", string(debug.Stack()))
	}
	r.mu.Lock()
	c.current = nil
	r.mu.Unlock()
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

// Stop ends the running checks and waits for them, but no longer than 2 s. Its error names
// a check that ignores its context.
func (r *Readiness) Stop(ctx context.Context) error {
	r.mu.Lock() // a check that starts meanwhile is one to wait for
	r.cancel()
	r.mu.Unlock()
	limited, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return r.tasks.Wait(limited)
}
