package window

import "sync/atomic"

// Counter counts without end, in lanes, so that processors which count at once do
// not wait for each other. It is safe for concurrent use.
type Counter struct{ lanes []counterLane }

type counterLane struct {
	n atomic.Int64
	_ [56]byte // no two in a cache line
}

// NewCounter is a counter at zero.
func NewCounter() Counter { return Counter{make([]counterLane, lanes())} }

// Add counts one more.
func (c Counter) Add() { c.lanes[lane(len(c.lanes))].n.Add(1) }

// Local is what was counted near this goroutine: a part of the whole that costs
// less to know.
func (c Counter) Local() int64 { return c.lanes[lane(len(c.lanes))].n.Load() }

// Sum is the whole count.
func (c Counter) Sum() (total int64) {
	for i := range c.lanes {
		total += c.lanes[i].n.Load()
	}
	return total
}
