// Package window counts what happened in the last while.
package window

import (
	"math"
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

// turning is the slot of a part that is made empty.
const turning = math.MinInt64

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

// Sum is what the window holds at now. Counters are read last to first: of two
// that are added to in the order of their numbers, the first is not behind.
func (w *Window) Sum(now int64) Counts {
	var slots [Parts]int64
	var counts [Parts]Counts
	for i := range w.parts {
		slots[i] = w.parts[i].slot.Load()
	}
	for n := len(Counts{}) - 1; n >= 0; n-- {
		for i := range w.parts {
			counts[i][n] = int(w.parts[i].counts[n].Load())
		}
	}
	var total Counts
	slot := now / w.width
	for i, s := range slots {
		if s <= slot-Parts || s > slot || s != w.parts[i].slot.Load() {
			continue
		}
		for n, count := range counts[i] {
			total[n] += count
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
		p.slot.Store(turning)
		for n := range p.counts {
			p.counts[n].Store(0)
		}
		p.slot.Store(slot)
	}
	return p
}
