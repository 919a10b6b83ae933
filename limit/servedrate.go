package limit

// servedRate is how many calls of an operation are served per ns, even if too late.
type servedRate struct {
	mean        float64
	highest     [2]float64 // maximum of mean in the current period, and in the one before
	periodStart int64      // ns since the limiter was created
}

// add adds the calls that were served in a window.
func (r *servedRate) add(served, length, now int64) {
	l := float64(length)
	r.mean += min(l/rateMean, 1) * (float64(served)/l - r.mean)
	if now-r.periodStart >= bestRatePeriod {
		r.highest, r.periodStart = [2]float64{0, r.highest[0]}, now
	}
	r.highest[0] = max(r.highest[0], r.mean)
}

func (r *servedRate) best() float64 { return max(r.highest[0], r.highest[1]) }
