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
func (p *goroutinePool) run(f func()) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		next := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		next <- f
		return
	}
	p.mu.Unlock()
	p.all.Go(func() {
		next := make(chan func(), 1)
		for f != nil {
			f()
			if !p.park(next) {
				return
			}
			f = <-next
		}
	})
}

// park adds a goroutine to the idle ones. It is false if the pool is closed.
func (p *goroutinePool) park(next chan func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.idle = append(p.idle, next)
	return true
}

// close ends the idle goroutines and waits for the others.
func (p *goroutinePool) close() {
	p.mu.Lock()
	p.closed = true
	for _, next := range p.idle {
		next <- nil
	}
	p.idle = nil
	p.mu.Unlock()
	p.all.Wait()
}
