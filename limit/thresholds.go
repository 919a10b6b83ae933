package limit

import "time"

// What a call may take, in ns, by what a success of its operation usually takes and
// by its budget: for how long its caller waits, 0 where that is not known.

const (
	// lateness: who is answered in good time has no reason to
	// complain, and who takes three times as long as usual may only be unlucky.
	lateness = 0.8
	wayAbove = 3.0
	// crowded is by how many standard deviations, of how many calls there were lately,
	// there must be more than can be served in time: they may take so long by nature,
	// and be more by chance.
	crowded = 3
	// recovers is the share of its best pace that a service which has become slower
	// is trusted to come back to before the callers have gone.
	recovers  = 0.8
	unhurried = 20.0 // times as long as usual, where nobody says how long he waits
	guess     = float64(2 * time.Second)
	// reach: with less than that many times what is usual a caller cannot count on
	// an answer, however little there is to do.
	reach = 2.5
	// lostByNature: where more of the calls run out of time although nothing is wrong,
	// it says nothing that they do.
	lostByNature = 0.25
)

// patience is for how long a caller waits.
func (o *operation) patience(budget int64) float64 {
	if budget > 0 {
		return float64(budget)
	}
	return max(unhurried*o.atBest(), guess)
}

// tooLate is when an answer is so late that it is a sign of overload.
func (o *operation) tooLate(budget int64) float64 {
	return max(wayAbove*o.usual(), lateness*o.patience(budget))
}

// aim is what a call may take when that is why others are refused: a quarter of its
// time, but no more than ten times what is usual, and twice that at least.
func (o *operation) aim(budget int64) float64 {
	if budget <= 0 {
		return max(10*o.atBest(), float64(50*time.Millisecond))
	}
	base, b := o.usual(), float64(budget)
	return max(min(b/4, max(10*base, float64(50*time.Millisecond))), min(2*base, b/2), 1.25*base)
}
