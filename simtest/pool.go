package simtest

import "sync"

// goroutinePool reuses goroutines. A new goroutine would have to grow its stack for every
// call, which is a fifth of the cost of a run.
type goroutinePool struct {
	all sync.WaitGroup

	mu     sync.Mutex
	idle   []chan func()
	closed bool
}

// run runs f in a goroutine.
func (c *goroutinePool) run(f func()) {
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
			if !c.park(next) {
				return
			}
			f = <-next
		}
	})
}

// park adds a goroutine to the idle ones. It is false if the pool is closed.
func (c *goroutinePool) park(next chan func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.idle = append(c.idle, next)
	return true
}

// close ends the idle goroutines and waits for the others.
func (c *goroutinePool) close() {
	c.mu.Lock()
	c.closed = true
	for _, next := range c.idle {
		next <- nil
	}
	c.idle = nil
	c.mu.Unlock()
	c.all.Wait()
}
