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

// lastMoment is how long those who are cut off may take to end.
const lastMoment = 100 * time.Millisecond

// crew are goroutines that somebody waits for. They have names, so that it can
// be said who does not end.
type crew struct {
	all    sync.WaitGroup
	mu     sync.Mutex
	atWork map[string]int
}

func (c *crew) begin(name string, work func()) {
	done := c.join(name)
	go func() {
		defer done()
		work()
	}()
}

// join makes a goroutine that is at work already one of the crew, until done.
func (c *crew) join(name string) (done func()) {
	c.all.Add(1)
	c.count(name, 1)
	return func() {
		c.count(name, -1)
		c.all.Done()
	}
}

func (c *crew) count(name string, change int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.atWork == nil {
		c.atWork = map[string]int{}
	}
	if c.atWork[name] += change; c.atWork[name] == 0 {
		delete(c.atWork, name)
	}
}

// any says that somebody is at work.
func (c *crew) any() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.atWork) > 0
}

// wait waits for all of them. When ctx ends, who is still at work after a last
// moment is waited for no longer, and is in the error.
func (c *crew) wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		c.all.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	moment := time.NewTimer(lastMoment)
	defer moment.Stop()
	select {
	case <-done:
		return nil
	case <-moment.C:
	}
	c.mu.Lock()
	names := slices.Sorted(maps.Keys(c.atWork))
	c.mu.Unlock()
	if len(names) == 0 { // at the very last moment
		return nil
	}
	return fault.CodeOf(ctx.Err()).Errorf("%s did not end in time: %w", strings.Join(names, ", "), ctx.Err())
}

// within does work, waiting no longer than ctx allows.
func within(ctx context.Context, name string, work func() error) error {
	var c crew
	var result error
	c.begin(name, func() { result = work() })
	if err := c.wait(ctx); err != nil {
		return err
	}
	return result
}
