package limit

// trialPause is the time after a failed trial in which no other starts.
type trialPause struct{ length, until int64 }

func (p *trialPause) start(now int64) {
	p.length = min(max(pauseGrowth*p.length, minTrialPause), maxTrialPause)
	p.until = now + p.length
}
