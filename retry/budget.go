package retry

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// kept is the part of the share that is spent: the rest is held back, so that
	// the share holds in each second too, although calls come unevenly and the
	// waits move repeats together.
	kept = 0.9
	// quiet is how many repeats a client that seldom calls has in store: those of
	// one call by the default policy.
	quiet = 2
	// stock is how many hedges may be in store.
	stock = 10
	// debt is the most that a balance goes below zero while another one pays, so
	// that it is good again soon after the load has changed.
	debt = 5
	// look is after how many calls the clock is read in any case.
	look = 64
)

// budget holds a balance for each of the two bounds, and one for hedges. A repeat
// is paid from both and allowed while either has it: thus those of any while are
// at most the larger bound of that while, and what is in store. Calls are counted
// without a clock; what they earn is reckoned when a repeat is asked for.
type budget struct {
	born                            time.Time
	calls, repeats, hedges, refused atomic.Uint64

	mu                  sync.Mutex
	earned              uint64        // calls that the balances have in them
	at                  time.Duration // when the balances were reckoned
	share, floor, hedge float64
	rate                float64 // calls a second, of the last while
	marked              uint64  // calls at the beginning of the next such while
	since               time.Duration
}

func (b *budget) begin() { b.born, b.share, b.floor, b.hedge = time.Now(), 1, quiet, 1 }

// call counts a call.
func (b *budget) call(p *Policy) {
	if b.calls.Add(1)%look == 0 && b.mu.TryLock() {
		b.reckon(p)
		b.mu.Unlock()
	}
}

// repeat reports whether one more repeat is within the budget, and counts it.
func (b *budget) repeat(p *Policy) bool { return b.allowed(b.pay(p, false), &b.repeats) }

// second is repeat for an attempt at the same time as another. asked says that
// only Policy.Hedge asks for it, and its share is to be kept, too.
func (b *budget) second(p *Policy, asked bool) bool { return b.allowed(b.pay(p, asked), &b.hedges) }

func (b *budget) allowed(paid bool, count *atomic.Uint64) bool {
	if !paid {
		count = &b.refused
	}
	count.Add(1)
	return paid
}

// pay takes one from the balances, if there is one to take.
func (b *budget) pay(p *Policy, hedge bool) bool {
	if p.Budget.Disabled && !hedge {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reckon(p)
	if hedge && b.hedge < 1 || !p.Budget.Disabled && b.share < 1 && b.floor < 1 {
		return false
	}
	if hedge {
		b.hedge--
	}
	b.share, b.floor = max(b.share-1, -debt), max(b.floor-1, -debt)
	return true
}

// reckon adds to the balances what was earned since. The lock is held.
func (b *budget) reckon(p *Policy) {
	now, made := time.Since(b.born), b.calls.Load()
	if now-b.since >= time.Second {
		b.rate = float64(made-b.marked) / (now - b.since).Seconds()
		b.marked, b.since = made, now
	}
	calls, share := float64(made-b.earned), kept*float64(p.Budget.Percent)/100
	// A fifth of a second's share may be in store.
	b.share = min(b.share+calls*share, max(b.rate*share/5, 1))
	b.floor = min(b.floor+(now-b.at).Seconds()*p.Budget.PerSecond, quiet)
	b.hedge = min(b.hedge+calls*float64(p.Hedge.Percent)/100, stock)
	b.earned, b.at = made, now
}

// snapshot adds to s what the budget has counted.
func (b *budget) snapshot(s *Snapshot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reckon(&s.Policy)
	s.Calls, s.Repeats, s.Hedges, s.Refused = b.earned, b.repeats.Load(), b.hedges.Load(), b.refused.Load()
	s.Left = max(b.share, b.floor, 0)
}
