package limit

import "time"

// pace is how fast a queue has moved since it was last empty.
type pace struct {
	last  time.Time
	gap   time.Duration // between two who leave it for a turn, in the mean
	steps int
}

// step notes that one has left for a turn.
func (p *pace) step() {
	if p.steps++; p.steps == 1 {
		p.last = time.Now()
		return
	}
	gap := time.Since(p.last)
	p.last = p.last.Add(gap)
	p.gap += (gap - p.gap) / time.Duration(min(p.steps-1, 8))
}

// wait is how long one waits at least who has so many before him: half of what
// is likely, 0 where that is not known.
func (p *pace) wait(before int) time.Duration {
	if p.steps < 4 {
		return 0
	}
	return time.Duration(before) * p.gap / 2
}
