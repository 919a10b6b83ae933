package limit

import "time"

// queueRate measures how fast a queue has moved since it was last empty.
type queueRate struct {
	lastStart time.Time
	meanGap   time.Duration // between two calls that leave the queue to run
	starts    int
}

// addStart records that a waiting call started to run.
func (p *queueRate) addStart() {
	if p.starts++; p.starts == 1 {
		p.lastStart = time.Now()
		return
	}
	gap := time.Since(p.lastStart)
	p.lastStart = p.lastStart.Add(gap)
	p.meanGap += (gap - p.meanGap) / time.Duration(min(p.starts-1, 8))
}

// minWait is how long a call with so many ahead of it waits at least: half of the likely
// time, so few calls are refused in error. It is 0 until four calls have started.
func (p *queueRate) minWait(ahead int) time.Duration {
	if p.starts < 4 {
		return 0
	}
	return time.Duration(ahead) * p.meanGap / 2
}
