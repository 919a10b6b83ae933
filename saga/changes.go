package saga

import "sync"

// changes lets goroutines of this process wait for changes of runs.
type changes struct {
	mu      sync.Mutex
	watched map[string]map[chan struct{}]bool // the value says that only the end counts
}

// watch returns a channel that has a value after a change of the run, or after its end.
func (c *changes) watch(id string, onlyEnd bool) (changed <-chan struct{}, stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	mine := make(chan struct{}, 1)
	if c.watched[id] == nil {
		c.watched[id] = map[chan struct{}]bool{}
	}
	c.watched[id][mine] = onlyEnd
	return mine, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.watched[id], mine)
		if len(c.watched[id]) == 0 {
			delete(c.watched, id)
		}
	}
}

// notify says that the run has changed.
func (c *changes) notify(id string, isEnd bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for watcher, onlyEnd := range c.watched[id] {
		if onlyEnd && !isEnd {
			continue
		}
		select {
		case watcher <- struct{}{}:
		default:
		}
	}
}
