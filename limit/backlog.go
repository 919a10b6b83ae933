package limit

import "math"

// backlog is how many calls are in flight, and how many of them can be served in time.
// Operations without an ended call in the window do not count.
type backlog struct {
	inFlight float64
	servable float64 // in time, at the rate of the window, or near the best recent rate if that is higher
	typical  float64 // how many were in flight at once in the last seconds
}

func (b *backlog) add(other backlog) {
	b.inFlight += other.inFlight
	b.servable += other.servable
	b.typical += other.typical
}

// exceeds says that more calls, and more than least, are in flight than can be served in
// time, and that chance does not explain it.
func (b backlog) exceeds(least float64) bool {
	return b.inFlight > max(b.servable+chanceDeviations*math.Sqrt(b.typical), least)
}
