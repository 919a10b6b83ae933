package limit

import "time"

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
	q.meanGap += (gap - q.meanGap) / time.Duration(min(q.starts-1, 8))
}

// minWait is how long a call with so many ahead of it waits at least: half of the likely
// time, so few calls are refused in error. It is 0 until four calls have started.
func (q *queueRate) minWait(ahead int) time.Duration {
	if q.starts < 4 {
		return 0
	}
	return time.Duration(ahead) * q.meanGap / 2
}
