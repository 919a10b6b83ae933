package loadbalance

import (
	"math"
	"slices"
	"time"
)

// sweepInterval is how often the nodes are compared with each other.
const sweepInterval = 250 * time.Millisecond

// The memory of the answers that make a node slow, and how they do.
const (
	slowWindow   = 2 * time.Second
	slowAnswers  = 3
	slowShare    = 0.5
	slowAlike    = 0.25 // of the answers of all others: then it is no outlier
	slowChance   = 0.02 // of these: then one that seems slow may be so by chance, if it has not answered
	minSlower    = float64(time.Millisecond)
	minSilence   = float64(100 * time.Millisecond)
	silentFlying = 3
)

// recent is what a node has answered lately, older answers counting less.
type recent struct {
	answers, failed, slow, void uint32 // what was counted up to the last sweep
	fresh, calls, failures      float64
	brief, slowOnes, failedNow  float64
}

// next takes in what was counted since, and keeps so much of what was before.
func (r *recent) next(n *node, keep, keepBrief float64) {
	answers, failed, slow, void := uint32(n.traffic.Load()>>32), n.failed.Load(), n.slow.Load(), n.void.Load()
	r.fresh = float64(answers-r.answers) - float64(void-r.void)
	r.calls = r.calls*keep + r.fresh
	r.failures = r.failures*keep + float64(failed-r.failed)
	r.brief = r.brief*keepBrief + r.fresh
	r.slowOnes = r.slowOnes*keepBrief + float64(slow-r.slow)
	r.failedNow = r.failedNow*keepBrief + float64(failed-r.failed)
	r.answers, r.failed, r.slow, r.void = answers, failed, slow, void
}

// failing is the share of failures among the answers, with what was counted since
// the last sweep: of the whole window, or of the last while where that was worse by
// more than one failure, so that in a storm which has just begun a node is compared
// with what the others do now.
func (r *recent) failing(n *node) (share float64, known bool) {
	answers := float64(uint32(n.traffic.Load()>>32)-r.answers) - float64(n.void.Load()-r.void)
	failures := float64(n.failed.Load() - r.failed)
	if r.calls+answers <= 0 {
		return 0, false
	}
	share = (r.failures + failures) / (r.calls + answers)
	if lately := r.failedNow + failures; lately > 1 {
		share = max(share, lately/(r.brief+answers))
	}
	return share, true
}

// forget takes in nothing of what was counted so far.
func (r *recent) forget(n *node) {
	r.next(n, 0, 0)
	r.fresh, r.calls, r.failures, r.brief, r.slowOnes, r.failedNow = 0, 0, 0, 0, 0, 0
}

// sweep compares the nodes with each other, unless someone else does.
func (b *Pool) sweep(now time.Duration) {
	if !b.mu.TryLock() {
		return
	}
	defer b.mu.Unlock()
	if int64(now) < b.learned.nextSweep.Load() {
		return
	}
	b.learned.nextSweep.Store(int64(now + sweepInterval))
	b.learned.timedUntil.Store(b.turn.Load() + timedTurns)
	since := float64(now - b.swept)
	b.swept = now
	keep := math.Exp(-since / float64(b.policy.Ejection.Window))
	keepBrief := math.Exp(-since / float64(slowWindow))
	for _, n := range b.nodes {
		n.recent.next(n, keep, keepBrief)
	}
	if now-b.halved > halfLife && b.policy.Algorithm == ConsistentHash {
		b.halved = now
		b.halve()
	}
	b.measure(now)
	view := b.view.Load()
	changed := view.warmUntil > 0 && view.warmUntil <= now
	changed = b.sweepFailing(now) || changed
	changed = b.sweepSlow(now) || changed
	if changed {
		b.publish(now)
	}
}

// measure tells picks what calls take.
func (b *Pool) measure(now time.Duration) {
	b.sorted, b.peaks = b.sorted[:0], b.peaks[:0]
	slowest, sum, working := 0.0, 0.0, 0
	for _, n := range b.nodes {
		if n.standing.Load() != in {
			continue
		}
		if u := n.record.usual(); u > 0 {
			b.sorted = append(b.sorted, u)
		}
		if n.streak.Load() == 0 {
			e := n.expected(now, 1/float64(b.policy.Decay))
			slowest = max(slowest, e)
			sum += e
			working++
			if !b.silent(n) {
				b.peaks = append(b.peaks, e)
			}
		}
	}
	slices.Sort(b.sorted)
	slices.Sort(b.peaks)
	b.learned.usual.set(meanUsual(b.nodes))
	b.learned.slowest.set(slowest)
	b.learned.typical.set(sum / float64(max(working, 1)))
	common := 0.0
	if len(b.peaks) > 1 {
		common = b.peaks[(len(b.peaks)-1)/2]
	}
	b.learned.common.set(common)
	limit, median := int64(math.MaxInt64), 0.0
	if k := len(b.sorted); k > 0 {
		median = b.sorted[(k-1)/2]
		limit = int64(b.slowFrom(median))
	}
	b.learned.median.Store(int64(median))
	b.learned.limit.Store(limit)
}

// slowFrom is from where on a call is slow beside those that usually take so
// long.
func (b *Pool) slowFrom(usual float64) float64 {
	return max(b.policy.Probation.Factor*usual, usual+minSlower)
}

// sweepFailing ejects who fails clearly more than the others, and uses the
// ejected again when the others fail as they do.
func (b *Pool) sweepFailing(now time.Duration) (changed bool) {
	e := b.policy.Ejection
	if e.Disabled {
		return false
	}
	if b.failing(nil, int32(e.Failures)) >= 0.5 {
		for _, n := range b.nodes {
			if n.standing.Load() == ejected && !(n.gone && b.othersWork(n, 0)) {
				b.readmit(n, now)
				n.streak.Store(int32(e.Failures)) // it fails until it does not
				changed = true
			}
		}
		return changed
	}
	sum, rated := 0.0, 0
	for _, n := range b.nodes {
		if n.standing.Load() == in && n.recent.calls >= float64(e.MinCalls) {
			sum += n.recent.failures / n.recent.calls
			rated++
		}
	}
	for _, n := range b.nodes {
		switch {
		case n.standing.Load() == ejected && b.policy.Probation.Disabled && n.until.Load() <= int64(now):
			b.readmit(n, now)
			changed = true
			continue
		case n.standing.Load() != in:
			continue
		}
		out := b.unlikely(n, used)
		if rated > 1 && n.recent.calls >= float64(e.MinCalls) {
			share := n.recent.failures / n.recent.calls
			others := (sum - share) / float64(rated-1)
			gap := share - others // which is no chance: four standard deviations
			goesOn := n.recent.failedNow >= float64(e.Gap)/200*n.recent.brief
			out = out || goesOn && gap >= float64(e.Gap)/100 && gap*gap*n.recent.calls >= 16*others*(1-others)
		}
		changed = out && b.takeOut(n, ejected, now) || changed
	}
	return changed
}

// sweepSlow puts into probation who is clearly slower than the others: more often than
// by chance, since where all are busy some queue is always the longest, and without that
// one the others would have too much to do.
func (b *Pool) sweepSlow(now time.Duration) (changed bool) {
	if b.policy.Probation.Disabled || len(b.sorted) == 0 {
		return false
	}
	sum, used := 0.0, 0
	slow, answers := 0.0, 0.0
	for _, n := range b.nodes {
		if n.standing.Load() == in {
			sum += n.slowness(now, b.slowFrom(b.others()))
			used++
			slow, answers = slow+n.recent.slowOnes, answers+n.recent.brief
		}
	}
	for _, n := range b.nodes {
		if n.standing.Load() != in || 2*b.settled(n, now) < used {
			continue // who has just come back does not bear what the others do
		}
		usual := b.others()
		limit := b.slowFrom(usual)
		share := n.slowness(now, limit)
		others, answered := slow-n.recent.slowOnes, answers-n.recent.brief
		alike := n.recent.brief * others / max(answered, 1) // slow ones, if it were as the others are
		noChance := n.recent.slowOnes >= max(slowAnswers-1, alike+4*math.Sqrt(alike))
		outlier := noChance && (share >= slowShare || n.record.usual() >= limit) || others <= slowChance*answered && b.shunned(n, now)
		if outlier && (sum-share)/float64(used-1) < slowAlike {
			changed = b.takeOut(n, slowed, now) || changed
		}
	}
	return changed
}

// settled is how many nodes other than n have been used for a while.
func (b *Pool) settled(n *node, now time.Duration) (settled int) {
	for _, other := range b.nodes {
		if other != n && other.standing.Load() == in && (other.inSince.Load() == 0 || int64(now)-other.inSince.Load() >= int64(b.policy.Probation.Interval)) {
			settled++
		}
	}
	return settled
}

// shunned says that a node is expected to be so slow that no call comes to it: then
// only a probe can tell.
func (b *Pool) shunned(n *node, now time.Duration) bool {
	return b.policy.Algorithm == PeakEWMA && n.recent.fresh == 0 && n.inFlight() == 0 && len(b.peaks) > 1 &&
		n.expected(now, 1/float64(b.policy.Decay)) > b.slowFrom(b.peaks[(len(b.peaks)-2)/2])
}

// others is the median latency of the others, for a node that is slower.
func (b *Pool) others() float64 { return b.sorted[max((len(b.sorted)-2)/2, 0)] }

// slowness is the share of slow ones among the recent answers of a node, and 1
// when calls hang in it for longer than limit, which is slow.
func (n *node) slowness(now time.Duration, limit float64) float64 {
	if n.inFlight() >= silentFlying && n.silence(now) > max(limit, minSilence) {
		return 1
	}
	if n.recent.slowOnes < slowAnswers-0.5 {
		return 0
	}
	return n.recent.slowOnes / n.recent.brief
}
