package simtest

import (
	"container/list"
	"context"
	"runtime/debug"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

// Work occupies the instance's worker for the time that l draws, multiplied as the script
// says. It returns the error of ctx if that ends first and Service.StopsOnCancel is set.
func (i *Instance) Work(ctx context.Context, l Latency) error {
	if l == nil {
		return nil
	}
	i.mu.Lock()
	d := time.Duration(float64(l(i.random))*i.condition.slow) + i.run.jitter(i.salt, tieBreak)
	i.mu.Unlock()
	for d > 0 {
		start := time.Now()
		if i.service.StopsOnCancel {
			if err := pause(ctx, d); err != nil {
				return err
			}
		} else {
			time.Sleep(d)
		}
		d = i.pausedFor(start)
	}
	return nil
}

// pausedFor is how much longer work lasts that began at begun, because of a pause of the
// instance.
func (i *Instance) pausedFor(begun time.Time) time.Duration {
	i.mu.Lock()
	defer i.mu.Unlock()
	until := i.condition.paused
	if begun.Before(until) {
		return max(time.Until(until), 0)
	}
	return 0
}

// Draw returns a random number from 0 to below 1 that the seed repeats.
func (i *Instance) Draw() float64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.random.Float64()
}

// work handles a call, with the marks that package rest gives the answer: a handler ran,
// although a service that it called may not have run one.
func (i *Instance) work(ctx context.Context, _ any) (any, error) {
	call.Of(ctx).Inbound = true
	err := i.handle(ctx)
	if err != nil && fault.IsUnprocessed(err) {
		p := fault.ProblemOf(err)
		p.Unprocessed = false
		err = p.Err()
	}
	return nil, err
}

// handle is the instance's handler. A panic fails the call and the test.
func (i *Instance) handle(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			stack := debug.Stack()
			i.run.panicked.Do(func() { i.run.t.Errorf("simtest: %s panicked: %v\n%s", i.Name, p, stack) })
			err = fault.Internal.Errorf("%s panicked", i.Name)
		}
	}()
	if i.service.Do != nil {
		return i.service.Do(ctx, i)
	}
	incarnation := i.currentIncarnation()
	if err := i.Work(ctx, i.service.Latency); err != nil {
		return err
	}
	if incarnation.isKilled() { // nobody waits for the answer
		return errKilled
	}
	if i.drawsFailure() {
		return fault.Internal.Errorf("%s failed", i.Name)
	}
	for _, name := range i.service.Calls {
		if err := i.Call(ctx, name, call.Operation{Name: "call", Safe: true}); err != nil {
			return err
		}
	}
	return nil
}

// currentIncarnation is the running incarnation, or the last one.
func (i *Instance) currentIncarnation() *incarnation {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.incarnation
}

// drawsFailure draws whether a call fails after its work.
func (i *Instance) drawsFailure() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	share := max(i.condition.errors, i.service.Errors)
	return share > 0 && i.random.Float64() < share
}

// workers are the workers of an incarnation, and the calls that wait for one.
type workers struct {
	all, free int
	waiting   *list.List // of chan struct{}, closed when a worker is granted
}

func newWorkers(n int) workers { return workers{all: n, free: n, waiting: list.New()} }

// limitWorkers lets as many calls through as the instance has workers, in order. It
// refuses calls for which the queue has no room.
func (i *Instance) limitWorkers(next endpoint.Func) endpoint.Func {
	if i.service.Workers == 0 {
		return next
	}
	return func(ctx context.Context, request any) (any, error) {
		incarnation, err := i.acquire(ctx)
		if err != nil {
			return nil, err
		}
		defer i.release(incarnation)
		return next(ctx, request)
	}
}

// acquire waits for a worker of the current incarnation.
func (i *Instance) acquire(ctx context.Context) (inc *incarnation, err error) {
	i.mu.Lock()
	inc = i.incarnation
	if inc.free > 0 {
		inc.free--
		i.mu.Unlock()
		return inc, nil
	}
	if q := i.service.Queue; q != 0 && inc.waiting.Len() >= max(q, 0) {
		i.mu.Unlock()
		return nil, fault.Unavailable.Errorf("the queue of %s is full", i.Name).WithReason(fault.ReasonOverloaded).WithUnprocessed()
	}
	granted := make(chan struct{})
	position := inc.waiting.PushBack(granted)
	i.mu.Unlock()
	var gone <-chan struct{} // nil if the instance ignores cancellation
	if i.service.StopsOnCancel {
		gone = ctx.Done()
	}
	select {
	case <-granted:
		return inc, nil
	case <-gone:
		err = ctx.Err()
	case <-inc.killed:
		err = errKilled
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	select {
	case <-granted: // granted meanwhile
		i.releaseLocked(inc)
	default:
		inc.waiting.Remove(position)
	}
	return nil, err
}

// release passes the worker to the next call.
func (i *Instance) release(inc *incarnation) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.releaseLocked(inc)
}

func (i *Instance) releaseLocked(inc *incarnation) {
	if first := inc.waiting.Front(); first != nil {
		close(inc.waiting.Remove(first).(chan struct{}))
		return
	}
	inc.free++
}
