package loadbalance

import (
	"math"
	"sync/atomic"
	"time"
)

// stats is what the calls to a node show of it. All calls use it at once; times are ns
// since the pool was created.
type stats struct {
	traffic    atomic.Uint64 // calls in flight in the lower half, ended ones in the upper
	latency    latencyStats
	busySince  atomic.Int64 // since when it has had calls in flight
	streak     atomic.Int32 // failures in a row
	unanswered atomic.Int32 // calls that ran out of time since lastAnswer
	lastAnswer atomic.Int64 // at most minUpdateGap early
	phantom    phantomLoad
	failed     atomic.Uint32
	slow       atomic.Uint32 // answers much slower than those of the others
	neutral    atomic.Uint32 // calls that show nothing of its health
}

// minUpdateGap is how old the latency must be before a success changes it, in ns: it saves
// writes at many calls a millisecond.
const minUpdateGap = int64(500 * time.Microsecond)

// callEnded is added to traffic: one call in flight less, one ended more.
const callEnded = 1<<32 - 1

// callsStarted is how many calls a traffic counter has seen, modulo 2^32.
func callsStarted(traffic uint64) uint32 { return uint32(traffic>>32) + uint32(traffic) }

func (s *stats) inFlight() int { return int(uint32(s.traffic.Load())) }

// totalEnded is modulo 2^32.
func (s *stats) totalEnded() uint32 { return uint32(s.traffic.Load() >> 32) }

func (s *stats) addInFlight(now time.Duration) {
	if uint32(s.traffic.Add(1)) == 1 && int64(now)-s.busySince.Load() > minUpdateGap {
		s.busySince.Store(int64(now))
	}
}

func (s *stats) recordAnswer(now time.Duration) {
	s.lastAnswer.Store(int64(now))
	if s.unanswered.Load() != 0 {
		s.unanswered.Store(0)
	}
}

// resetStreak ends a row of failures.
func (s *stats) resetStreak() {
	if s.streak.Load() != 0 {
		s.streak.Store(0)
	}
}

// isSilent says that so many calls have run out of time since the last answer. How long
// they took is then no measure of the latency.
func (s *stats) isSilent(calls int) bool { return int(s.unanswered.Load()) >= calls }

// silence is for how long a node with calls in flight has not answered, in ns.
func (s *stats) silence(now time.Duration) float64 {
	if s.inFlight() == 0 {
		return 0
	}
	return float64(int64(now) - max(s.busySince.Load(), s.latency.updatedAt.Load()))
}

// latencyStats is how long calls to a node take. An observation that races with another
// may be lost.
type latencyStats struct {
	pair      atomic.Uint64 // mean and peak, as float32
	updatedAt atomic.Int64  // ns since the pool was created
}

// meanAndPeak are the mean latency of successes and the expected latency of the next call,
// in ns; 0 if not known.
func (s *latencyStats) meanAndPeak() (mean, peak float64) {
	p := s.pair.Load()
	return float64(math.Float32frombits(uint32(p >> 32))), float64(math.Float32frombits(uint32(p)))
}

func (s *latencyStats) set(mean, peak float64) {
	s.pair.Store(uint64(math.Float32bits(float32(mean)))<<32 | uint64(math.Float32bits(float32(peak))))
}

func (s *latencyStats) mean() float64 {
	mean, _ := s.meanAndPeak()
	return mean
}

// fade is the weight of what was observed last: 1 at once, and 1/e after a decay time, of
// which perDecay is the inverse.
func (s *latencyStats) fade(now time.Duration, perDecay float64) float64 {
	return expDecay(float64(int64(now)-s.updatedAt.Load()) * perDecay)
}

// expected is what a call may take, in ns; 0 if not known. It fades while no call ends, or
// one slow call would exclude the node for good.
func (s *latencyStats) expected(now time.Duration, perDecay float64) float64 {
	_, peak := s.meanAndPeak()
	return peak * s.fade(now, perDecay)
}

// addSuccess raises the peak at once; otherwise both move slowly. It says whether this was
// the first success.
func (s *latencyStats) addSuccess(now time.Duration, took, perDecay float64) (first bool) {
	mean, peak := s.meanAndPeak()
	since := int64(now) - s.updatedAt.Load()
	if since < minUpdateGap && took <= peak && mean > 0 {
		return false
	}
	weight := expDecay(float64(since) * perDecay)
	if first = mean == 0; first {
		mean = took
	}
	if peak == 0 {
		peak = took
	}
	s.set(mean*weight+took*(1-weight), max(peak*weight+took*(1-weight), took))
	s.updatedAt.Store(int64(now))
	return first
}

// charge sets the peak to the cost of a call that did not succeed.
func (s *latencyStats) charge(now time.Duration, cost float64) {
	s.set(s.mean(), cost)
	s.updatedAt.Store(int64(now))
}

// expDecay approximates e^-x, and is faster.
func expDecay(x float64) float64 {
	if x < 1e-4 {
		if x < 0 {
			return 1
		}
		return 1 - x
	}
	x = 1 + x*0.25
	x *= x
	return 1 / (x * x)
}
