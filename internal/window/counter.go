package window

import "sync/atomic"

// Counter counts without end. It counts in stripes, so that processors which count at the
// same time do not wait for each other. It is safe for concurrent use.
type Counter struct{ stripes []counterStripe }

type counterStripe struct {
	n atomic.Int64
	_ [56]byte // one stripe per cache line
}

// NewCounter returns a counter at zero.
func NewCounter() Counter { return Counter{make([]counterStripe, stripeCount())} }

// Add adds one.
func (c Counter) Add() { c.stripes[stripeIndex(len(c.stripes))].n.Add(1) }

// Local returns the count of this goroutine's stripe: a part of Sum that is cheaper to
// read.
func (c Counter) Local() int64 { return c.stripes[stripeIndex(len(c.stripes))].n.Load() }

// Sum returns the whole count.
func (c Counter) Sum() (total int64) {
	for i := range c.stripes {
		total += c.stripes[i].n.Load()
	}
	return total
}
