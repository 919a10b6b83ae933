package retry

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// usableShare is the part of the share that is spent. The rest is a reserve, so that the
	// share holds in each second too, although calls are uneven and waits move repeats
	// together.
	usableShare = 0.9
	// maxFloor is how many repeats a client with few calls may have in store: those of one
	// call by the default policy.
	maxFloor = 2
	// maxHedges is how many hedges may be in store.
	maxHedges = 10
	// maxDebt is how far a balance may go below zero while another one pays, so that it
	// recovers soon after the load has changed.
	maxDebt = 5
	// updateEvery is after how many calls the balances are updated in any case.
	updateEvery = 64
	// earnedPerSuccess is how many repeats a successful one earns: repeating is useless if
	// far fewer succeed.
	earnedPerSuccess = 100
	// maxFree is how many calls in a row that reached no instance are repeated for free.
	// After these, the whole service may be unreachable.
	maxFree = 3
	// maxEarnings is how many earned repeats may be in store: so many are lost when nothing
	// succeeds any more. The share saves as many as one success earns.
	maxEarnings = 200
)

// budget has a balance for each of the two bounds, one for hedges, and one that successful
// repeats earn. The earnings pay for a repeat first. Otherwise the two bounds pay, and the
// repeat is allowed while either has a balance. So in any period the repeats that do not
// succeed are at most the larger bound of that period, plus what is in store. What the
// share has left over is saved, and becomes earnings when single calls fail. Calls are
// counted without a clock; their balance is computed when a repeat is requested.
type budget struct {
	created                         time.Time
	calls, repeats, hedges, refused atomic.Uint64
	refusedSince                    atomic.Bool // a repeat was refused, and no first attempt has succeeded since

	mu                  sync.Mutex
	countedCalls        uint64        // calls that are in the balances already
	updatedAt           time.Duration // when the balances were updated
	share, floor, hedge float64
	earnings            float64
	saved               float64 // of the share, for when single calls fail
	freeRepeats         int     // calls in a row that reached no instance and were repeated for free
	rate                float64 // calls a second, in the last full period
	rateCalls           uint64  // calls at the start of the current period
	rateSince           time.Duration
}

func (b *budget) init() {
	b.created, b.share, b.floor, b.hedge, b.saved = time.Now(), 1, maxFloor, 1, earnedPerSuccess
}

func (b *budget) addCall(p *Policy) {
	if b.calls.Add(1)%updateEvery == 0 && b.mu.TryLock() {
		b.update(p)
		b.mu.Unlock()
	}
}

// allowRepeat says whether the budget has one more repeat, and counts it.
func (b *budget) allowRepeat(p *Policy) bool { return b.record(b.pay(p, false), &b.repeats) }

// allowHedge is allowRepeat for a second attempt at the same time. byPolicy says that
// Policy.Hedge requests it, so its share applies, too.
func (b *budget) allowHedge(p *Policy, byPolicy bool) bool {
	return b.record(b.pay(p, byPolicy), &b.hedges)
}

func (b *budget) record(paid bool, count *atomic.Uint64) bool {
	if !paid {
		count = &b.refused
	}
	count.Add(1)
	return paid
}

// pay reduces the balances by one, if one of them has that.
func (b *budget) pay(p *Policy, hedge bool) bool {
	if p.Budget.Disabled && !hedge {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.update(p)
	if hedge && b.hedge < 1 || !p.Budget.Disabled && b.share < 1 && b.floor < 1 && (hedge || b.earnings < 1) {
		return false
	}
	if hedge {
		b.hedge--
	} else if b.earnings >= 1 {
		b.earnings--
		return true
	}
	b.share, b.floor = max(b.share-1, -maxDebt), max(b.floor-1, -maxDebt)
	return true
}

// allowFree says whether a call that reached no instance may be repeated for free, and
// counts it. The balances pay, and get it back when a repeat succeeds.
func (b *budget) allowFree() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.freeRepeats >= maxFree {
		return false
	}
	b.freeRepeats++
	b.share, b.floor = max(b.share-1, -maxDebt), max(b.floor-1, -maxDebt)
	b.repeats.Add(1)
	return true
}

// repeatSucceeded handles a successful repeat; earns says whether it earns others.
func (b *budget) repeatSucceeded(earns bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.share, b.floor = b.share+float64(b.freeRepeats), b.floor+float64(b.freeRepeats)
	b.freeRepeats = 0
	if earns {
		b.earnings = min(b.earnings+earnedPerSuccess, maxEarnings)
	}
}

// callSucceeded handles a successful first attempt after a refused repeat. Then not all
// calls fail, and the saved share is spent to find out whether repeats help.
func (b *budget) callSucceeded(p *Policy) {
	if !b.refusedSince.Swap(false) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.update(p)
	b.earnings, b.saved = min(b.earnings+b.saved, maxEarnings), 0
}

// update adds to the balances what was earned since the last update. The caller holds the
// lock.
func (b *budget) update(p *Policy) {
	now, total := time.Since(b.created), b.calls.Load()
	if now-b.rateSince >= time.Second {
		b.rate = float64(total-b.rateCalls) / (now - b.rateSince).Seconds()
		b.rateCalls, b.rateSince = total, now
	}
	calls, share := float64(total-b.countedCalls), usableShare*float64(p.Budget.Percent)/100
	// At most the share of a fifth of a second may be in store.
	full := max(b.rate*share/5, 1)
	b.share += calls * share
	if over := b.share - full; over > 0 {
		b.share, b.saved = full, min(b.saved+over, earnedPerSuccess)
	}
	b.floor = min(b.floor+(now-b.updatedAt).Seconds()*p.Budget.PerSecond, maxFloor)
	b.hedge = min(b.hedge+calls*float64(p.Hedge.Percent)/100, maxHedges)
	b.countedCalls, b.updatedAt = total, now
}

// snapshot copies the counts to s.
func (b *budget) snapshot(s *Snapshot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.update(&s.Policy)
	s.Calls, s.Repeats, s.Hedges, s.Refused = b.countedCalls, b.repeats.Load(), b.hedges.Load(), b.refused.Load()
	s.Left = max(b.share, b.floor, 0) + b.earnings
}
