package limit

import (
	"sync"
	"time"
)

// control is what an AdaptiveLimiter has learned.
type control struct {
	mu       sync.Mutex
	policy   Adaptive
	from     int64 // when the window began
	seen     counts
	base     float64 // how long a success takes when nothing is refused, ns
	target   float64 // how long one may take when others are refused, ns
	strikes  int     // windows in a row that show harm
	limiting bool
	limit    float64
	quiet    int64 // since when nothing was refused, while limiting
	mark     mark
}

// mark is how it was before the limit was cut, to see whether that helped.
type mark struct {
	limit, took float64
	settled     int64 // since when no more than the limit are under way, or 0
}

const (
	shortest = int64(100 * time.Millisecond) // of a window
	longest  = int64(2 * time.Second)
	enough   = 16                 // calls make a window
	few      = 8                  // calls show harm
	quietFor = int64(time.Second) // until the limit is lifted
)

// judge closes the window where it is long enough, and learns from it.
func (l *AdaptiveLimiter) judge(now int64) {
	c := &l.control
	if !c.mu.TryLock() {
		return
	}
	defer c.mu.Unlock()
	seen := l.tally.counts()
	w := window{counts: seen.since(c.seen), length: now - c.from, begun: c.from, now: now, running: l.tickets.taken()}
	if w.length < shortest {
		return
	}
	if w.heard() < enough && w.length < longest {
		l.turn.Store(now + shortest/5)
		return
	}
	c.seen, c.from = seen, now
	if c.limiting {
		c.steer(w)
	} else {
		c.watch(w)
	}
	l.turn.Store(now + shortest)
	l.publish()
}

// publish makes what was learned known to the calls. The lock is held.
func (l *AdaptiveLimiter) publish() {
	c := &l.control
	limit, usual := int64(c.policy.Max), int64(0)
	if c.limiting {
		limit, usual = min(limit, int64(c.limit)), max(int64(c.base), 1)
	}
	if c.policy.Disabled {
		limit, usual = maxTickets, 0
	}
	strict, loose := int64(10*c.base), int64(2*c.base)
	if c.base == 0 {
		strict = int64(time.Hour)
	}
	l.limit.Store(limit)
	l.usual.Store(usual)
	l.strict.Store(strict)
	l.loose.Store(loose)
}

// window is what happened in a while.
type window struct {
	counts
	begun, now, length int64
	running            int
}

// heard are the calls that say something.
func (w window) heard() int64 { return w.succeeded + w.expired + w.shed }

// mean is how long a success took, 0 without one.
func (w window) mean() float64 {
	if w.succeeded == 0 {
		return 0
	}
	return float64(w.spent) / float64(w.succeeded)
}

// rate is successes in a nanosecond.
func (w window) rate() float64 { return float64(w.succeeded) / float64(w.length) }

// slow says that half the calls took too long.
func (w window) slow() bool {
	return w.succeeded+w.expired >= few && 2*w.late >= w.succeeded+w.expired
}

// overloaded says that the callee refuses a third of the calls itself.
func (w window) overloaded() bool { return w.shed >= few && 3*w.shed >= w.heard() }

// watch looks for harm while there is no limit.
func (c *control) watch(w window) {
	if !w.slow() && !w.overloaded() {
		c.strikes = 0
		c.learn(w)
		return
	}
	if c.strikes++; c.strikes < 2 {
		return
	}
	c.limiting, c.quiet = true, w.now
	c.aim(w)
	running := float64(w.running)
	c.mark = mark{limit: running, took: w.mean()}
	if r := w.rate(); r > 0 {
		c.mark.took = max(c.mark.took, running/r)
	}
	c.set(max(c.goal(w), running/2))
}

// steer moves the limit while there is one.
func (c *control) steer(w window) {
	c.aim(w)
	harm := w.slow() || w.overloaded()
	if w.refused > 0 || harm {
		c.quiet = w.now
	}
	if w.refused == 0 {
		c.learn(w)
	} else if m := w.mean(); m > 0 && m < c.base {
		c.base += 0.3 * (m - c.base)
	}
	if w.now-c.quiet >= quietFor {
		c.limiting, c.strikes = false, 0
		return
	}
	c.set(c.limit + 0.3*(c.goal(w)-c.limit))
	c.verdict(w)
}

// goal is the limit that the window asks for: as many as are served in the time
// that one may take (Little, 1961), and one more, which gives each of many
// limiters the same in the end.
func (c *control) goal(w window) float64 {
	aim := c.target
	if w.overloaded() {
		aim = min(aim, w.mean())
	}
	return w.rate()*aim + 1
}

// aim takes over how long calls may take.
func (c *control) aim(w window) {
	if w.aimed > 0 {
		c.target = float64(w.aims) / float64(w.aimed)
	}
}

// verdict raises the base where cutting the limit did not make calls faster.
func (c *control) verdict(w window) {
	m := &c.mark
	if float64(w.running) > c.limit*1.1+1 {
		m.settled = 0
		return
	}
	if m.settled == 0 {
		m.settled = w.now
	}
	took := w.mean()
	if c.limit > m.limit {
		m.limit, m.took, m.settled = c.limit, took, w.now
	}
	if w.expired > 0 || w.succeeded < few || w.begun < m.settled+int64(max(m.took, took)) || c.limit > 0.6*m.limit {
		return
	}
	if took > 1.3*c.target && took > (1+c.limit/m.limit)/2*m.took {
		c.base = took
	}
	c.mark = mark{c.limit, took, w.now}
}

// learn moves the base while nothing is refused: slowly up, faster down.
func (c *control) learn(w window) {
	m := w.mean()
	switch {
	case m == 0 || w.expired > 0:
	case c.base == 0:
		c.base = m
	default:
		slowness := 10 * time.Second
		if m < c.base {
			slowness = 3 * time.Second
		}
		c.base += min(float64(w.length)/float64(slowness), 0.5) * (m - c.base)
	}
}

func (c *control) set(limit float64) {
	c.limit = min(max(limit, float64(c.policy.Min)), float64(c.policy.Max))
}
