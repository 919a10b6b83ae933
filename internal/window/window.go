// Package window counts what happened in the last while.
package window

import (
	"sync"
	"sync/atomic"
	"time"
)

// Parts is into how many parts a window is divided: what it counted leaves it
// one part at a time. A window cannot be shorter than so many nanoseconds.
const Parts = 10

// Counts are up to three counters, whose meaning is the user's.
type Counts [3]int

// Window sums counters over the time up to now. It is safe for concurrent use;
// counting takes no lock, but for the first count of each part. A count that
// meets the turn of its part may fall to the next one. Moments are in ns since
// any fixed one, and never go back.
type Window struct {
	width int64 // of a part
	begin sync.Mutex
	parts [Parts]part
}

type part struct {
	slot   atomic.Int64
	counts [len(Counts{})]atomic.Int64
}

// New is an empty window of length d.
func New(d time.Duration) *Window { return &Window{width: max(int64(d)/Parts, 1)} }

// Add counts one more of which at now.
func (w *Window) Add(now int64, which int) { w.at(now).counts[which].Add(1) }

// Take takes back what was added at now.
func (w *Window) Take(now int64, which int) { w.at(now).counts[which].Add(-1) }

// Sum is what the window holds at now.
func (w *Window) Sum(now int64) Counts {
	var total Counts
	slot := now / w.width
	for i := range w.parts {
		p := &w.parts[i]
		if s := p.slot.Load(); s <= slot-Parts || s > slot {
			continue
		}
		for n := range p.counts {
			total[n] += int(p.counts[n].Load())
		}
	}
	return total
}

// Resized is a window of length d that begins with what w holds at now.
func (w *Window) Resized(d time.Duration, now int64) *Window {
	other := New(d)
	if other.width == w.width {
		return w
	}
	p := other.at(now)
	for n, count := range w.Sum(now) {
		p.counts[n].Store(int64(count))
	}
	return other
}

// at is the part of now, which it begins where need be.
func (w *Window) at(now int64) *part {
	slot := now / w.width
	p := &w.parts[slot%Parts]
	if p.slot.Load() >= slot {
		return p
	}
	w.begin.Lock()
	defer w.begin.Unlock()
	if p.slot.Load() < slot {
		for n := range p.counts {
			p.counts[n].Store(0)
		}
		p.slot.Store(slot)
	}
	return p
}
