// Package window counts what happened in the last while.
package window

import "time"

// Parts is into how many parts a window is divided: what it counted leaves it
// one part at a time. A window cannot be shorter than so many nanoseconds.
const Parts = 10

// Counts are up to three counters, whose meaning is the user's.
type Counts [3]int

// Window sums counters over the time up to now. It is not safe for concurrent
// use. Moments are in ns since any fixed one, and never go back.
type Window struct {
	width int64 // of a part
	parts [Parts]part
}

type part struct {
	slot   int64
	counts Counts
}

// New is an empty window of length d.
func New(d time.Duration) Window { return Window{width: max(int64(d)/Parts, 1)} }

// At are the counters to add to at now.
func (w *Window) At(now int64) *Counts {
	slot := now / w.width
	p := &w.parts[slot%Parts]
	if p.slot != slot {
		*p = part{slot: slot}
	}
	return &p.counts
}

// Sum is what the window holds at now.
func (w *Window) Sum(now int64) Counts {
	var total Counts
	slot := now / w.width
	for i := range w.parts {
		if p := &w.parts[i]; p.slot > slot-Parts && p.slot <= slot {
			for n, c := range p.counts {
				total[n] += c
			}
		}
	}
	return total
}

// Resized is a window of length d that begins with what w holds at now.
func (w *Window) Resized(d time.Duration, now int64) Window {
	other := New(d)
	if other.width == w.width {
		return *w
	}
	*other.At(now) = w.Sum(now)
	return other
}
