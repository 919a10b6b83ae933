package limit

import "time"

const (
	// meanOfGaps is over how many gaps queueRate averages: enough that one slow call changes
	// little, and few enough to follow a service that becomes slower.
	meanOfGaps = 8
	// minStarts is how many calls must have left the queue before its rate is known.
	minStarts = 4
	// likelyWaitParts divides the likely wait: a call is refused only if it is twice as long
	// as its caller waits, so few are refused in error.
	likelyWaitParts = 2
)

// queueRate measures how fast a queue has moved since it was last empty.
type queueRate struct {
	lastStart time.Time
	meanGap   time.Duration // between two calls that leave the queue to run
	starts    int
}

// addStart records that a waiting call started to run.
func (q *queueRate) addStart() {
	if q.starts++; q.starts == 1 {
		q.lastStart = time.Now()
		return
	}
	gap := time.Since(q.lastStart)
	q.lastStart = q.lastStart.Add(gap)
	q.meanGap += (gap - q.meanGap) / time.Duration(min(q.starts-1, meanOfGaps))
}

// minWait is how long a call with so many ahead of it waits at least, or 0 if the rate is not
// known.
func (q *queueRate) minWait(ahead int) time.Duration {
	if q.starts < minStarts {
		return 0
	}
	return time.Duration(ahead) * q.meanGap / likelyWaitParts
}
