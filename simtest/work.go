package simtest

import (
	"container/list"
	"context"
	"runtime/debug"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

// Work keeps the instance's worker busy for as long as l draws, as its condition
// is. It returns ctx's error when that ends first and the service heeds it.
func (i *Instance) Work(ctx context.Context, l Latency) error {
	if l == nil {
		return nil
	}
	i.mu.Lock()
	d := time.Duration(float64(l(i.random))*i.now.slow) + i.run.jitter(i.salt, hair)
	i.mu.Unlock()
	for d > 0 {
		begun := time.Now()
		if i.service.StopsOnCancel {
			if err := pause(ctx, d); err != nil {
				return err
			}
		} else {
			time.Sleep(d)
		}
		d = i.stood(begun)
	}
	return nil
}

// stood is for how much longer work goes on that began at a moment and is done but
// for a pause of the instance.
func (i *Instance) stood(begun time.Time) time.Duration {
	i.mu.Lock()
	defer i.mu.Unlock()
	until := i.now.paused
	if begun.Before(until) {
		return max(time.Until(until), 0)
	}
	return 0
}

// Draw is a random number from 0 to below 1 that the seed repeats.
func (i *Instance) Draw() float64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.random.Float64()
}

// work is what the instance does on a call, with the marks that package rest
// gives it: a handler ran, though what it called in turn may not have.
func (i *Instance) work(ctx context.Context, _ any) (any, error) {
	endpoint.CallOf(ctx).Inbound = true
	err := i.handle(ctx)
	if err != nil && fault.IsUnprocessed(err) {
		p := fault.ProblemOf(err)
		p.Unprocessed = false
		err = p.Err()
	}
	return nil, err
}

// handle is the instance's handler. One that panics fails its call, and the test.
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
	life := i.lives()
	if err := i.Work(ctx, i.service.Latency); err != nil {
		return err
	}
	if life.ended() { // nobody works on it any more
		return errKilled
	}
	if i.fails() {
		return fault.Internal.Errorf("%s failed", i.Name)
	}
	for _, name := range i.service.Calls {
		if err := i.Call(ctx, name, endpoint.Operation{Name: "call", Safe: true}); err != nil {
			return err
		}
	}
	return nil
}

// lives is the life that goes on, or the last one.
func (i *Instance) lives() *life {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.life
}

// fails draws whether a call fails in the end.
func (i *Instance) fails() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	share := max(i.now.errors, i.service.Errors)
	return share > 0 && i.random.Float64() < share
}

// workers are those of one life, and the calls that wait for one.
type workers struct {
	all, free int
	waiting   *list.List // of chan struct{}, closed when it is their turn
}

func newWorkers(n int) workers { return workers{all: n, free: n, waiting: list.New()} }

// enter lets as many calls through as the instance has workers, in turn, and
// refuses those for which the queue has no place.
func (i *Instance) enter(next endpoint.Func) endpoint.Func {
	if i.service.Workers == 0 {
		return next
	}
	return func(ctx context.Context, request any) (any, error) {
		life, err := i.acquire(ctx)
		if err != nil {
			return nil, err
		}
		defer i.release(life)
		return next(ctx, request)
	}
}

// acquire waits for a worker of the present life.
func (i *Instance) acquire(ctx context.Context) (l *life, err error) {
	i.mu.Lock()
	l = i.life
	if l.free > 0 {
		l.free--
		i.mu.Unlock()
		return l, nil
	}
	if q := i.service.Queue; q != 0 && l.waiting.Len() >= max(q, 0) {
		i.mu.Unlock()
		return nil, fault.Unavailable.Errorf("the queue of %s is full", i.Name).WithReason("overloaded").WithUnprocessed()
	}
	turn := make(chan struct{})
	place := l.waiting.PushBack(turn)
	i.mu.Unlock()
	var gone <-chan struct{} // never, where the instance does not look
	if i.service.StopsOnCancel {
		gone = ctx.Done()
	}
	select {
	case <-turn:
		return l, nil
	case <-gone:
		err = ctx.Err()
	case <-l.over:
		err = errKilled
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	select {
	case <-turn: // meanwhile
		i.releaseLocked(l)
	default:
		l.waiting.Remove(place)
	}
	return nil, err
}

// release gives the worker to the next call.
func (i *Instance) release(l *life) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.releaseLocked(l)
}

func (i *Instance) releaseLocked(l *life) {
	if first := l.waiting.Front(); first != nil {
		close(l.waiting.Remove(first).(chan struct{}))
		return
	}
	l.free++
}
