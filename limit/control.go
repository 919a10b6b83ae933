package limit

import (
	"sync"
	"time"
)

// control is what an AdaptiveLimiter has learned.
type control struct {
	mu     sync.Mutex
	policy Adaptive
	from   int64 // when the window began
	seen   counts

	base   float64 // how long a success takes when nothing is refused, ns
	proven float64 // the base as it was when there was no doubt of it, ns
	first  int64   // when the base was first seen
	target float64 // how long a success may take when others are refused, ns

	phase   phase
	strikes int     // windows in a row that show harm
	limit   float64 // but for when free
	quiet   int64   // since when nothing was refused
	mark    mark    // before the limit was cut
	gauge   gauge
	sample  uint32 // see AdaptiveLimiter.sample
}

// phase is what a control is about.
type phase int

const (
	free   phase = iota // there is no limit
	hold                // no more than there were, to see how long they take
	trial               // half as many, to see whether they are faster by it
	steers              // as many as are served in time
)

// mark is how long calls took at a limit.
type mark struct {
	limit, took float64
	next        float64 // the limit at which to see again
}

// gauge measures that while the limit stays.
type gauge struct {
	begun   int64
	settled int64 // since when no more than the limit are under way, or 0
	length  int64
	counts  counts
}

const (
	shortest    = int64(100 * time.Millisecond) // of a window
	longest     = int64(2 * time.Second)
	enough      = 16   // calls make a window
	plenty      = 1000 // calls need not all be timed
	few         = 8    // calls show harm
	shedToBegin = 3    // of so many calls the callee refuses one itself
	shedToGoOn  = 10
	quietFor    = int64(time.Second)      // until the limit is lifted
	warm        = int64(10 * time.Second) // until a base is proven
	patience    = 50 * time.Millisecond   // is never too long
)

// judge closes the window where it is long enough, and learns from it.
func (l *AdaptiveLimiter) judge(now int64) {
	c := &l.control
	if !c.mu.TryLock() {
		return
	}
	defer c.mu.Unlock()
	if now-c.from < shortest {
		l.turn.Store(c.from + shortest)
		return
	}
	seen := l.tally.counts()
	w := window{counts: seen.since(c.seen), length: now - c.from, begun: c.from, now: now, running: l.tickets.taken()}
	if w.heard() < enough && w.length < longest {
		l.turn.Store(now + shortest/5)
		return
	}
	c.seen, c.from = seen, now
	c.learn(w)
	switch c.phase {
	case free:
		c.watch(w)
	case hold, trial:
		c.try(w)
	case steers:
		c.steer(w)
	}
	l.turn.Store(now + shortest)
	c.sample = 0
	for c.phase == free && c.sample < 15 && w.succeeded > plenty*int64(c.sample+1) {
		c.sample = 2*c.sample + 1
	}
	l.publish()
}

// publish makes what was learned known to the calls. The lock is held.
func (l *AdaptiveLimiter) publish() {
	c := &l.control
	limit, usual := int64(c.policy.Max), int64(0)
	if c.phase != free {
		limit, usual = min(limit, int64(c.limit)), max(int64(c.base), 1)
	}
	if c.policy.Disabled {
		limit, usual = maxTickets, 0
	}
	strict, loose := max(int64(10*c.base), int64(patience)), int64(2*c.base)
	if c.base == 0 {
		strict = int64(time.Hour)
	}
	l.limit.Store(limit)
	l.ceiling.Store(int64(c.policy.Max))
	l.sample.Store(c.sample)
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
func (w window) heard() int64 { return w.timed + w.expired + w.shed }

// mean is how long a success took, 0 without one.
func (w window) mean() float64 {
	if w.timed == 0 {
		return 0
	}
	return float64(w.spent) / float64(w.timed)
}

// rate is successes in a nanosecond.
func (w window) rate() float64 { return float64(w.succeeded) / float64(w.length) }

// slow says that half the calls took too long.
func (w window) slow() bool {
	return w.timed+w.expired >= few && 2*w.late >= w.timed+w.expired
}

// overloaded says that the callee itself refuses one of so many calls.
func (w window) overloaded(of int64) bool { return w.shed >= few && of*w.shed >= w.heard() }

// watch looks for harm while there is no limit.
func (c *control) watch(w window) {
	c.aim(w)
	running := float64(w.running)
	late := w.slow() && running > c.goal(w) // what has begun by now is late, too
	dead := c.base > 0 && w.heard() == 0 && w.length >= longest && float64(w.length) > 10*c.base && running > float64(c.policy.Min)
	if !late && !w.overloaded(shedToBegin) && !dead {
		c.strikes = 0
		return
	}
	if c.strikes++; c.strikes >= 3 || c.strikes == 2 && w.length >= 2*shortest || dead {
		c.quiet = w.now
		c.keep(hold, running, w.now)
	}
}

// keep begins to measure how long calls take at a limit.
func (c *control) keep(p phase, limit float64, now int64) {
	c.phase, c.gauge = p, gauge{begun: now}
	c.set(limit)
}

// try measures, first how long calls take as it is, then whether half as many are
// faster. They take half the time where they waited for each other, and as long
// where they did not.
func (c *control) try(w window) {
	c.aim(w)
	g := &c.gauge
	switch {
	case w.overloaded(shedToBegin) || 10*w.expired > w.heard() || w.now-g.begun > 5*int64(c.mark.took)+5*longest:
		c.phase, c.mark = steers, mark{limit: c.limit, took: w.mean()}
		c.set(max(c.goal(w), c.limit/2))
		return
	case c.phase == hold && w.heard() > 0 && !w.slow():
		c.release()
		return
	case !g.take(w, c.limit):
		return
	}
	took := window{counts: g.counts}.mean()
	switch {
	case c.phase == hold:
		c.mark = mark{limit: c.limit, took: took}
		c.keep(trial, c.limit/2, w.now)
	case took > c.target && took > (1+c.limit/c.mark.limit)/2*c.mark.took:
		c.renew(took)
	default:
		c.phase, c.mark.next = steers, c.limit*0.6
		if least := float64(c.policy.Min); c.limit > least {
			c.mark.next = max(c.mark.next, least)
		}
		c.steer(w)
	}
}

// take takes a window in, and says whether it is enough. Calls count that began
// when no more than the limit were under way.
func (g *gauge) take(w window, limit float64) bool {
	if float64(w.running) > limit+1 {
		g.settled = 0
		return false
	}
	if g.settled == 0 {
		g.settled = w.now
	}
	took := w.mean()
	if r := w.rate(); r > 0 {
		took = max(took, float64(w.running)/r)
	}
	if float64(w.begun) < float64(g.settled)+took {
		return false
	}
	g.counts.timed += w.timed
	g.counts.spent += w.spent
	g.length += w.length
	return g.counts.timed >= 2*enough || g.counts.timed >= few && g.length >= longest
}

// release lifts the limit.
func (c *control) release() { c.phase, c.strikes = free, 0 }

// steer moves the limit while there is one.
func (c *control) steer(w window) {
	c.aim(w)
	if w.refused > 0 || w.slow() || w.overloaded(shedToGoOn) || float64(w.running) > c.limit/2 {
		c.quiet = w.now
	}
	if w.now-c.quiet >= max(quietFor, 2*int64(c.target)) {
		c.release()
		return
	}
	if w.heard() == 0 {
		return
	}
	gain, goal := 0.3, c.goal(w)
	if goal > c.limit {
		gain = 0.6
	}
	c.set(c.limit + gain*(goal-c.limit))
	switch took := w.mean(); {
	case w.expired > 0:
	case took <= 1.3*c.target || c.limit > c.mark.limit:
		c.mark = mark{c.limit, took, c.limit / 2}
	case c.limit <= c.mark.next:
		c.keep(trial, c.limit, w.now)
	case c.limit <= float64(c.policy.Min) && w.refused > 0:
		c.base = toward(c.base, took, w.length, 10*time.Second, 0) // so few calls do not make it so slow, or not alone
		c.proven = c.base
	}
}

// renew takes what calls take for what they must.
func (c *control) renew(took float64) {
	c.base, c.proven = took, took
	c.release()
}

// goal is the limit that the window asks for: as many as are served in the time
// that one may take (Little, 1961), and one more, which gives each of many
// limiters the same in the end.
func (c *control) goal(w window) float64 {
	aim := c.target
	if w.overloaded(shedToGoOn) {
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

// learn moves the base, faster down than up. What calls take while others are
// refused, or while it is too long, says nothing of it unless it is less; nor
// does it rise far above what it was when last proven, lest it follow a queue
// that grows slowly.
func (c *control) learn(w window) {
	m := w.mean()
	switch {
	case m == 0 || w.expired > 0 || (w.slow() || w.refused > 0) && m > c.base:
		return
	case c.base == 0:
		c.base, c.first = m, w.begun
		fallthrough
	case w.now-c.first < warm: // those that are fast come first
		c.base += max(float64(w.length)/float64(w.now-c.first), 0.1) * (m - c.base)
		c.proven = c.base
		return
	}
	c.base = toward(c.base, m, w.length, 10*time.Second, 3*time.Second)
	c.base = min(c.base, 3*c.proven)
	if c.base < c.proven {
		c.proven = toward(c.proven, c.base, w.length, 0, 30*time.Second)
	}
}

// toward moves a mean to m by what happened in a while.
func toward(mean, m float64, length int64, up, down time.Duration) float64 {
	slowness := up
	if m < mean {
		slowness = down
	}
	return mean + min(float64(length)/float64(slowness), 0.5)*(m-mean)
}

func (c *control) set(limit float64) {
	c.limit = min(max(limit, float64(c.policy.Min)), float64(c.policy.Max))
}
