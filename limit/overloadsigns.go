package limit

import "math"

// overloadSigns is a row of windows that show an overload, while there is no limit.
type overloadSigns struct {
	windows      int
	start        int64   // of the first window
	mostInFlight float64 // the maximum of the row
	minDuration  int64   // that the row must last, once no call was served in one of its windows
	lastInFlight float64 // of the last window, whether or not it is in a row; 0 after a limit
}

// add adds a window and returns why a limit should start, or "". late says that the
// window's calls are late, and that a limit would leave fewer in flight.
func (s *overloadSigns) add(w window, late bool) Reason {
	shed := w.isShedding(shedToStart)
	if !late && !w.pilesUp && !shed || s.hasFallen(w) && !shed {
		*s = overloadSigns{lastInFlight: s.lastInFlight}
		return ""
	}
	if s.windows++; s.windows == 1 {
		s.start = w.start
	}
	s.mostInFlight = max(s.mostInFlight, float64(w.inFlight))
	if w.served == 0 && w.expired > 0 { // the service may have paused for a moment without overload
		s.minDuration = max(s.minDuration, pausedWaits*w.lostTime/w.expired)
	}
	isLong := s.windows >= lateWindows && w.now-s.start >= max(minLateTime, s.minDuration)
	switch {
	case shed && s.windows >= shedWindows:
		return CalleeRefuses
	case !isLong && !(w.pilesUp && s.windows >= pileUpWindows):
		return ""
	case late:
		return CallsLate
	default:
		return CallsPileUp
	}
}

// hasFallen says that fewer calls are in flight than before in the row, and that chance
// does not explain it: the service works them off.
func (s *overloadSigns) hasFallen(w window) bool {
	most := s.mostInFlight
	return s.windows > 0 && float64(w.inFlight) < fallenShare*most-fallenDeviations*math.Sqrt(most)
}
