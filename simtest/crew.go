package simtest

import "sync"

// crew are goroutines that are used again: a new one would grow its stack anew
// for every call, which is a fifth of what a run costs.
type crew struct {
	all sync.WaitGroup

	mu   sync.Mutex
	idle []chan func()
	over bool
}

// do does f in a goroutine.
func (c *crew) do(f func()) {
	c.mu.Lock()
	if n := len(c.idle); n > 0 {
		next := c.idle[n-1]
		c.idle = c.idle[:n-1]
		c.mu.Unlock()
		next <- f
		return
	}
	c.mu.Unlock()
	c.all.Go(func() {
		next := make(chan func(), 1)
		for f != nil {
			f()
			if !c.rest(next) {
				return
			}
			f = <-next
		}
	})
}

// rest puts a goroutine among the idle ones, unless nothing comes any more.
func (c *crew) rest(next chan func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return false
	}
	c.idle = append(c.idle, next)
	return true
}

// end ends those that are idle, and waits for the others.
func (c *crew) end() {
	c.mu.Lock()
	c.over = true
	for _, next := range c.idle {
		next <- nil
	}
	c.idle = nil
	c.mu.Unlock()
	c.all.Wait()
}
