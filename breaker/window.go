package breaker

import "time"

// buckets is into how many parts a window is divided: calls leave it one part
// at a time.
const buckets = 10

// window counts the calls of the last while.
type window struct {
	width int64 // of a bucket, in ns
	parts [buckets]counts
}

type counts struct {
	slot                  int64
	calls, failures, slow int
}

func newWindow(d time.Duration) window { return window{width: int64(d) / buckets} }

// add counts a call at now, which is in ns since any fixed moment.
func (w *window) add(now int64, failed, slow bool) {
	slot := now / w.width
	part := &w.parts[slot%buckets]
	if part.slot != slot {
		*part = counts{slot: slot}
	}
	part.calls++
	if failed {
		part.failures++
	}
	if slow {
		part.slow++
	}
}

// sum is what is in the window at now.
func (w *window) sum(now int64) counts {
	slot := now / w.width
	total := counts{slot: slot}
	for i := range w.parts {
		if part := &w.parts[i]; part.slot > slot-buckets && part.slot <= slot {
			total.calls += part.calls
			total.failures += part.failures
			total.slow += part.slow
		}
	}
	return total
}

// resized is a window of another length that begins with what w holds at now.
func (w *window) resized(d time.Duration, now int64) window {
	other := newWindow(d)
	if other.width == w.width {
		return *w
	}
	total := w.sum(now)
	total.slot = now / other.width
	other.parts[total.slot%buckets] = total
	return other
}
