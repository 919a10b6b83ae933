// Package window counts events, in total and over a sliding window of time.
package window

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Parts is the number of parts of a window. Counts leave the window one part at a time. A
// window is at least Parts nanoseconds long.
const Parts = 10

// Counts are up to three counters. The user defines their meaning.
type Counts [3]int

// Window sums counters over a sliding window of time. It is safe for concurrent use.
// Counting takes no lock, except for the first count in each part, and uses stripes, so
// that processors which count at the same time do not wait for each other. A count that
// coincides with the reset of its part may go to the next one. Times are in nanoseconds
// since any fixed moment.
type Window struct {
	width   int64 // of a part, in nanoseconds
	stripes []parts
	resetMu sync.Mutex
}

// parts is one stripe, in its own cache lines.
type parts [Parts]part

// resetting is the slot of a part that is being reset.
const resetting = math.MinInt64

type part struct {
	slot   atomic.Int64
	counts [len(Counts{})]atomic.Int64
}

// New returns an empty window of length d.
func New(d time.Duration) *Window {
	return &Window{width: max(int64(d)/Parts, 1), stripes: make([]parts, stripeCount())}
}

// Add adds one to the counter which, at now.
func (w *Window) Add(now int64, which int) { w.at(now).counts[which].Add(1) }

// Slot returns the number of the part of now. While it is the same, no count leaves the
// window.
func (w *Window) Slot(now int64) int64 { return now / w.width }

// Sum returns the counts in the window at now. It reads the counters last to first: if
// counter 0 is always incremented before counter 1, then Sum never shows counter 0 behind
// counter 1.
func (w *Window) Sum(now int64) Counts {
	var slots [maxStripes][Parts]int64
	slot := now / w.width
	for l := range w.stripes {
		for i := range w.stripes[l] {
			slots[l][i] = w.stripes[l][i].slot.Load()
			if slots[l][i] <= slot-Parts || slots[l][i] > slot {
				slots[l][i] = resetting
			}
		}
	}
	for {
		var total Counts
		for n := len(total) - 1; n >= 0; n-- {
			for l := range w.stripes {
				for i := range w.stripes[l] {
					if slots[l][i] != resetting {
						total[n] += int(w.stripes[l][i].counts[n].Load())
					}
				}
			}
		}
		if !w.dropReset(&slots) {
			return total
		}
	}
}

// dropReset leaves out the parts that were reset since slots was read, and reports
// whether there are any.
func (w *Window) dropReset(slots *[maxStripes][Parts]int64) (some bool) {
	for l := range w.stripes {
		for i := range w.stripes[l] {
			if s := slots[l][i]; s != resetting && s != w.stripes[l][i].slot.Load() {
				slots[l][i] = resetting
				some = true
			}
		}
	}
	return some
}

// Resized returns a window of length d with those counts of w at now that are no older
// than d. w knows only the part of a count, so each count is moved to the middle of its
// part: then counts do not become younger with every change of length. The current part
// may be longer than d. Its counts are moved to the middle of what the new window covers
// of it, so that the latest counts are not lost.
func (w *Window) Resized(d time.Duration, now int64) *Window {
	other := New(d)
	if other.width == w.width {
		return w
	}
	oldest := (other.Slot(now) - Parts + 1) * other.width
	for l := range w.stripes {
		for i := range w.stripes[l] {
			counts, slot, ok := w.stripes[l][i].read()
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

// read returns the counts of a part, read last to first, and its slot. ok is false if the
// part was reset meanwhile.
func (p *part) read() (counts [len(Counts{})]int64, slot int64, ok bool) {
	slot = p.slot.Load()
	for n := len(counts) - 1; n >= 0; n-- {
		counts[n] = p.counts[n].Load()
	}
	return counts, slot, slot != resetting && p.slot.Load() == slot
}

// at returns the part of now in the stripe of this goroutine, and resets it if it belongs
// to an earlier slot.
func (w *Window) at(now int64) *part {
	slot := now / w.width
	p := &w.stripes[stripeIndex(len(w.stripes))][slot%Parts]
	if p.slot.Load() < slot {
		w.reset(p, slot)
	}
	return p
}

func (w *Window) reset(p *part, slot int64) {
	w.resetMu.Lock()
	defer w.resetMu.Unlock()
	if p.slot.Load() < slot {
		p.slot.Store(resetting)
		for n := range p.counts {
			p.counts[n].Store(0)
		}
		p.slot.Store(slot)
	}
}
