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
	// worth is how many repeats are paid by one that succeeds: it is worth while to
	// repeat where far fewer than those succeed.
	worth = 100
	// gratis is how many calls in a row are repeated for nothing that reached nobody:
	// after so many it may be that nobody is there.
	gratis = 3
	// most is how many of these may be in store: what is lost when nothing succeeds
	// any more. As many as one success pays for are saved of the share.
	most = 200
)

// budget holds a balance for each of the two bounds, one for hedges, and one that
// repeats earn which succeed. A repeat is paid from the last, or else from the two
// bounds and allowed while either has it: thus those which do not succeed are in any
// while at most the larger bound of that while, and what is in store. What the share
// has over is saved, and goes to the earnings when calls turn out to fail one by one. Calls are
// counted without a clock; what they earn is reckoned when a repeat is asked for.
type budget struct {
	born                            time.Time
	calls, repeats, hedges, refused atomic.Uint64
	wanted                          atomic.Bool // a repeat was refused, and no call has succeeded at once since

	mu                  sync.Mutex
	earned              uint64        // calls that the balances have in them
	at                  time.Duration // when the balances were reckoned
	share, floor, hedge float64
	earnings            float64
	saved               float64 // of the share, for when calls fail one by one
	unreached           int     // calls in a row that reached nobody, and were repeated for nothing
	rate                float64 // calls a second, of the last while
	marked              uint64  // calls at the beginning of the next such while
	since               time.Duration
}

func (b *budget) begin() { b.born, b.share, b.floor, b.hedge, b.saved = time.Now(), 1, quiet, 1, worth }

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
	if hedge && b.hedge < 1 || !p.Budget.Disabled && b.share < 1 && b.floor < 1 && (hedge || b.earnings < 1) {
		return false
	}
	if hedge {
		b.hedge--
	} else if b.earnings >= 1 {
		b.earnings--
		return true
	}
	b.share, b.floor = max(b.share-1, -debt), max(b.floor-1, -debt)
	return true
}

// elsewhere reports whether a call that reached nobody may be repeated, whatever the
// balances are, and counts it. They get back what it costs when it succeeds.
func (b *budget) elsewhere() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.unreached >= gratis {
		return false
	}
	b.unreached++
	b.share, b.floor = max(b.share-1, -debt), max(b.floor-1, -debt)
	b.repeats.Add(1)
	return true
}

// succeeded takes in a repeat that succeeded, and whether it earns others.
func (b *budget) succeeded(earns bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.share, b.floor = b.share+float64(b.unreached), b.floor+float64(b.unreached)
	b.unreached = 0
	if earns {
		b.earnings = min(b.earnings+worth, most)
	}
}

// passes takes in that a call has succeeded at once. Where it follows on a repeat that
// was refused, not all calls fail, and what was saved is spent to find out whether
// repeats help.
func (b *budget) passes(p *Policy) {
	if !b.wanted.Swap(false) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reckon(p)
	b.earnings, b.saved = min(b.earnings+b.saved, most), 0
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
	full := max(b.rate*share/5, 1)
	b.share += calls * share
	if over := b.share - full; over > 0 {
		b.share, b.saved = full, min(b.saved+over, worth)
	}
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
	s.Left = max(b.share, b.floor, 0) + b.earnings
}
