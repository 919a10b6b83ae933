package limit

// measurement sums windows while the limit stays the same.
type measurement struct {
	settledSince int64   // since when no more than the limit are in flight, or 0
	allInFlight  float64 // in the last window
	length       int64   // ns
	counts       counts
}

// add adds a window and says whether there is enough to judge the limit. It counts calls
// that started after those that need room had fallen to the limit, and after earlier
// calls had drained or stopped ending. latency is how long a call is expected to take, in ns.
func (m *measurement) add(w window, limit, latency float64) (isEnough bool) {
	allInFlight := float64(w.allInFlight)
	drains := float64(w.inFlight) > limit+settledDifference ||
		allInFlight > limit+settledDifference && allInFlight < notFalling*m.allInFlight
	m.allInFlight = allInFlight
	if drains {
		m.settledSince = 0
		return false
	}
	if m.settledSince == 0 {
		m.settledSince = w.now
	}
	if float64(w.start) < float64(m.settledSince)+latency {
		return false
	}
	m.counts.timed += w.timed
	m.counts.spent += w.spent
	m.counts.baselines += w.baselines
	m.counts.expired += w.expired
	m.counts.lostTime += w.lostTime
	m.length += w.length
	switch n := m.counts.timed + m.counts.expired; {
	case m.length >= maxWindow:
		return n > 0
	case m.length >= sparseMeasurement:
		return n >= minEvidence
	default:
		return n >= enoughCalls
	}
}

// result is all that was measured.
func (m *measurement) result() window { return window{counts: m.counts} }
