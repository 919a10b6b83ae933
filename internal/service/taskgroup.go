package service

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// cutOffGrace is how long tasks may take to end after they are cut off.
const cutOffGrace = 100 * time.Millisecond

// TaskGroup is a group of goroutines to wait for. Each has a name, for the error that
// lists those which did not end.
type TaskGroup struct {
	wg      sync.WaitGroup
	mu      sync.Mutex
	running map[string]int
}

// Start runs work in a goroutine of the group.
func (g *TaskGroup) Start(name string, work func()) {
	done := g.Add(name)
	go func() {
		defer done()
		work()
	}()
}

// Add counts a goroutine that already runs as part of the group, until done is called.
func (g *TaskGroup) Add(name string) (done func()) {
	g.wg.Add(1)
	g.count(name, 1)
	return func() {
		g.count(name, -1)
		g.wg.Done()
	}
}

func (g *TaskGroup) count(name string, change int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running == nil {
		g.running = map[string]int{}
	}
	if g.running[name] += change; g.running[name] == 0 {
		delete(g.running, name)
	}
}

// IsBusy reports whether any task runs.
func (g *TaskGroup) IsBusy() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.running) > 0
}

// Wait waits for all tasks. When ctx ends, it waits for cutOffGrace longer, and then
// returns an error that names the tasks which still run.
func (g *TaskGroup) Wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		g.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	grace := time.NewTimer(cutOffGrace)
	defer grace.Stop()
	select {
	case <-done:
		return nil
	case <-grace.C:
	}
	g.mu.Lock()
	names := slices.Sorted(maps.Keys(g.running))
	g.mu.Unlock()
	if len(names) == 0 { // they ended just after the grace
		return nil
	}
	return fault.CodeOf(ctx.Err()).Errorf("%s did not end in time: %w", strings.Join(names, ", "), ctx.Err())
}

// Within runs work and waits for it no longer than ctx allows. work may go on after
// that.
func Within(ctx context.Context, name string, work func() error) error {
	var g TaskGroup
	var result error
	g.Start(name, func() { result = work() })
	if err := g.Wait(ctx); err != nil {
		return err
	}
	return result
}
