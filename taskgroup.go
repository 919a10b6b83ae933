package sinew

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

// taskGroup is a group of goroutines to wait for. Each has a name, for the error that
// lists those which did not end.
type taskGroup struct {
	wg      sync.WaitGroup
	mu      sync.Mutex
	running map[string]int
}

func (c *taskGroup) start(name string, work func()) {
	done := c.add(name)
	go func() {
		defer done()
		work()
	}()
}

// add counts a goroutine that already runs as part of the group, until done is called.
func (c *taskGroup) add(name string) (done func()) {
	c.wg.Add(1)
	c.count(name, 1)
	return func() {
		c.count(name, -1)
		c.wg.Done()
	}
}

func (c *taskGroup) count(name string, change int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == nil {
		c.running = map[string]int{}
	}
	if c.running[name] += change; c.running[name] == 0 {
		delete(c.running, name)
	}
}

// isBusy reports whether any task runs.
func (c *taskGroup) isBusy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.running) > 0
}

// wait waits for all tasks. When ctx ends, it waits for cutOffGrace longer, and then
// returns an error that names the tasks which still run.
func (c *taskGroup) wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		c.wg.Wait()
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
	c.mu.Lock()
	names := slices.Sorted(maps.Keys(c.running))
	c.mu.Unlock()
	if len(names) == 0 { // they ended just after the grace
		return nil
	}
	return fault.CodeOf(ctx.Err()).Errorf("%s did not end in time: %w", strings.Join(names, ", "), ctx.Err())
}

// runWithin runs work and waits for it no longer than ctx allows. work may go on after
// that.
func runWithin(ctx context.Context, name string, work func() error) error {
	var c taskGroup
	var result error
	c.start(name, func() { result = work() })
	if err := c.wait(ctx); err != nil {
		return err
	}
	return result
}
