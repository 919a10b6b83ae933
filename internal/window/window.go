// Package window counts what happened, in all and in the last while.
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
// counting takes no lock, but for the first count of each part, and is done in
// lanes, so that processors which count at once do not wait for each other. A
// count that meets the turn of its part may fall to the next one. Moments are in
// ns since any fixed one.
type Window struct {
	width     int64 // of a part
	lanes     []parts
	beginning sync.Mutex
}

// parts are one lane, in cache lines of its own.
type parts [Parts]part

// turning is the slot of a part that is made empty.
const turning = math.MinInt64

type part struct {
	slot   atomic.Int64
	counts [len(Counts{})]atomic.Int64
}

// New is an empty window of length d.
func New(d time.Duration) *Window {
	return &Window{width: max(int64(d)/Parts, 1), lanes: make([]parts, lanes())}
}

// Add counts one more of which at now.
func (w *Window) Add(now int64, which int) { w.at(now).counts[which].Add(1) }

// Slot numbers the part of now: while it is the same, no count leaves the window.
func (w *Window) Slot(now int64) int64 { return now / w.width }

// Sum is what the window holds at now. Counters are read last to first: of two
// that are added to in the order of their numbers, the first is not behind.
func (w *Window) Sum(now int64) Counts {
	var slots [maxLanes][Parts]int64
	slot := now / w.width
	for l := range w.lanes {
		for i := range w.lanes[l] {
			slots[l][i] = w.lanes[l][i].slot.Load()
			if slots[l][i] <= slot-Parts || slots[l][i] > slot {
				slots[l][i] = turning
			}
		}
	}
	for {
		var total Counts
		for n := len(total) - 1; n >= 0; n-- {
			for l := range w.lanes {
				for i := range w.lanes[l] {
					if slots[l][i] != turning {
						total[n] += int(w.lanes[l][i].counts[n].Load())
					}
				}
			}
		}
		if !w.turned(&slots) {
			return total
		}
	}
}

// turned leaves out the parts that are no more what they were, and reports
// whether there are any.
func (w *Window) turned(slots *[maxLanes][Parts]int64) (some bool) {
	for l := range w.lanes {
		for i := range w.lanes[l] {
			if s := slots[l][i]; s != turning && s != w.lanes[l][i].slot.Load() {
				slots[l][i] = turning
				some = true
			}
		}
	}
	return some
}

// Resized is a window of length d with what w holds at now that is no older than d. Of
// a count, w knows its part alone: it is taken for one of the part's middle, so that
// it does not become younger and younger by many changes. Of the part of now, which may
// be longer than d, it is the middle of what the new window covers, so that what has
// just been counted is not lost.
func (w *Window) Resized(d time.Duration, now int64) *Window {
	other := New(d)
	if other.width == w.width {
		return w
	}
	oldest := (other.Slot(now) - Parts + 1) * other.width
	for l := range w.lanes {
		for i := range w.lanes[l] {
			counts, slot, ok := w.lanes[l][i].read()
			if !ok || slot <= w.Slot(now)-Parts || slot > w.Slot(now) {
				continue
			}
			first, last := slot*w.width, min((slot+1)*w.width-1, now)
			if slot == w.Slot(now) {
				first = max(first, oldest)
			}
			at := first + (last-first)/2
			if at < oldest {
				continue
			}
			p := other.at(at)
			for n := range counts {
				p.counts[n].Add(counts[n])
			}
		}
	}
	return other
}

// read is what a part has counted, last counter to first, and its slot; false
// when it is made empty meanwhile.
func (p *part) read() (counts [len(Counts{})]int64, slot int64, ok bool) {
	slot = p.slot.Load()
	for n := len(counts) - 1; n >= 0; n-- {
		counts[n] = p.counts[n].Load()
	}
	return counts, slot, slot != turning && p.slot.Load() == slot
}

// at is the part of now in the lane of this goroutine, which it begins where
// need be.
func (w *Window) at(now int64) *part {
	slot := now / w.width
	p := &w.lanes[lane(len(w.lanes))][slot%Parts]
	if p.slot.Load() < slot {
		w.begin(p, slot)
	}
	return p
}

func (w *Window) begin(p *part, slot int64) {
	w.beginning.Lock()
	defer w.beginning.Unlock()
	if p.slot.Load() < slot {
		p.slot.Store(turning)
		for n := range p.counts {
			p.counts[n].Store(0)
		}
		p.slot.Store(slot)
	}
}
