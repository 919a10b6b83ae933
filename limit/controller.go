package limit

import (
	"math"
	"sync"
	"time"
)

// control is what an AdaptiveLimiter has learned. It is changed once in a window,
// by whoever closes that.
type control struct {
	mu     sync.Mutex
	policy Adaptive
	from   int64 // when the window began
	seen   counts

	phase   phase
	limit   float64 // but for when free
	since   int64   // when the phase began
	target  float64 // what a call may take when others are refused, ns
	trouble trouble
	before  mark // how things were at a higher limit
	gauge   gauge
	quiet   int64 // since when the limit was in nobody's way
	brisk   int64 // since when nothing waits
	heard   int64 // when something was last heard of the callee
	until   int64 // for how long a trial may take, as what was there before it is in the way
	idle    int64 // until when there is no further trial
	pause   int64 // how long that was
	sample  uint32
}

// phase is what a control is about.
type phase int

const (
	free   phase = iota // there is no limit
	trial               // there is one, to see whether it helps
	steers              // it helps, and follows what is served in time
)

const (
	shortest    = int64(100 * time.Millisecond) // of a window
	longest     = int64(2 * time.Second)
	brief       = int64(40 * time.Millisecond) // of one in which calls pile up
	enough      = 16                           // calls make a window
	plenty      = 1000                         // calls need not all be timed
	few         = 8                            // calls show harm
	shedToBegin = 3                            // of so many calls the callee refuses one itself
	shedToGoOn  = 10
	quietFor    = int64(time.Second) // until the limit is lifted
	lasting     = int64(500 * time.Millisecond)
	shy         = int64(2 * time.Second) // after a trial that showed nothing
	shyest      = int64(2 * time.Minute)
	dark        = int64(8 * time.Second) // for how long a trial goes on while nothing is answered in time
	agesAfter   = 8                      // times the target a call is old
	agesFrom    = int64(time.Second)
)

// judge closes the window where it is long enough, and learns from it.
func (l *AdaptiveLimiter) judge(now int64) {
	c := &l.control
	if !c.mu.TryLock() {
		return
	}
	defer c.mu.Unlock()
	length := now - c.from
	if length < brief {
		l.turn.Store(c.from + brief)
		return
	}
	seen := l.tally.counts()
	w := window{counts: seen.since(c.seen), length: length, begun: c.from, now: now, running: l.tickets.running()}
	if w.piles = c.piles(w, l.operations); !w.piles && (length < shortest || w.heard() < enough && length < longest) {
		l.turn.Store(now + shortest/5)
		return
	}
	if c.phase != free || w.slow() {
		l.tickets.age(now - max(agesAfter*int64(c.target), agesFrom))
		w.running = l.tickets.running()
	}
	w.all = l.tickets.taken()
	c.seen, c.from = seen, now
	c.learn(w, l.operations)
	switch c.phase {
	case free:
		c.watch(w)
	case trial:
		c.try(w, l.operations)
	case steers:
		c.steer(w, l.operations)
	}
	l.turn.Store(now + brief)
	c.sample = 0
	for c.phase == free && c.sample < 15 && w.succeeded*shortest > plenty*w.length*int64(c.sample+1) {
		c.sample = 2*c.sample + 1
	}
	l.publish()
}

// publish makes what was learned known to the calls. The lock is held.
func (l *AdaptiveLimiter) publish() {
	c := &l.control
	limit := int64(c.policy.Max)
	if c.phase != free {
		limit = min(limit, int64(c.limit))
	}
	if c.policy.Disabled {
		limit = maxTickets
	}
	l.limited.Store(c.phase != free && !c.policy.Disabled)
	l.limit.Store(limit)
	l.ceiling.Store(int64(c.policy.Max))
	l.sample.Store(c.sample)
	l.target.Store(int64(c.target))
}

// window is what happened in a while.
type window struct {
	counts
	begun, now, length int64
	running            int // that need room, in the end
	all                int // and those that do not
	piles              bool
}

// heard are the calls that say something.
func (w window) heard() int64 { return w.timed + w.expired + w.shed }

// mean is how long a success took, 0 without one.
func (w window) mean() float64 { return ratio(w.spent, w.timed) }

// took is how long a call took, those included that ran out of time.
func (w window) took() float64 { return ratio(w.spent+w.lost, w.timed+w.expired) }

// rate is successes in a nanosecond.
func (w window) rate() float64 { return float64(w.succeeded) / float64(w.length) }

// slow says that most calls took too long.
func (w window) slow() bool { return w.timed+w.expired >= few && 3*w.late >= 2*(w.timed+w.expired) }

// overloaded says that the callee itself refuses one of so many calls.
func (w window) overloaded(of int64) bool { return w.shed >= few && of*w.shed >= w.heard() }

// brisk says that nothing waits: calls take about as long as usual.
func (w window) brisk() bool {
	return !w.overloaded(shedToGoOn) && float64(w.spent) < 1.5*float64(w.norm) && 10*w.late <= w.heard()
}

func ratio(sum, n int64) float64 {
	if n == 0 {
		return 0
	}
	return float64(sum) / float64(n)
}

// trouble is a row of windows in which calls are late, or pile up.
type trouble struct {
	windows int
	since   int64
	most    float64 // calls under way in any of them
	patient int64   // for how long the row must last where it has a window in which none was served
	last    float64 // in the last window, trouble or not
}

// piles says that at the pace of this window the calls that are under way cannot
// all be answered in good time, and do not become fewer. Operations of which
// nothing was heard say nothing.
func (c *control) piles(w window, ops *operations) bool {
	if w.succeeded+w.expired < enough || float64(w.running) <= max(float64(c.policy.Min), 0.98*c.trouble.last) {
		return false
	}
	running, served, lately := 0.0, 0.0, 0.0
	ops.each(func(o *operation) {
		r, s, l := o.waits(w.length)
		running += r
		served += s
		lately += l
	})
	return running > max(served+crowded*math.Sqrt(lately), float64(c.policy.Min))
}

// lasts is for how long calls must be late. Where none is served, it may be that the
// service stands still for a while, and not that too much is asked of it.
func (t *trouble) lasts(w window) int64 {
	if w.served == 0 && w.expired > 0 {
		t.patient = max(t.patient, 2*w.lost/w.expired)
	}
	return max(lasting, t.patient)
}

// watch looks for overload while there is no limit: calls are late or pile up, the
// service does not work them off, and this lasts.
func (c *control) watch(w window) {
	t, running := &c.trouble, float64(w.running)
	t.last = running
	c.aim(w)
	late := w.slow() && running > max(c.goal(w), float64(c.policy.Min))
	shed := w.overloaded(shedToBegin)
	if !late && !w.piles && !shed || t.windows > 0 && running < 0.9*t.most-2*math.Sqrt(t.most) && !shed {
		*t = trouble{last: running}
		return
	}
	if t.windows++; t.windows == 1 {
		t.since = w.begun
	}
	t.most = max(t.most, running)
	lasts := t.lasts(w)
	switch {
	case w.now < c.idle:
	case shed && t.windows >= 3:
		c.before = mark{limit: running, took: w.took()}
		c.enter(steers, w.now)
		c.set(max(c.goal(w), running/2))
	case w.piles && t.windows >= 2, t.windows >= 3 && w.now-t.since >= lasts:
		took := w.took()
		waits := running / max(w.rate(), 1/float64(dark)) // until what there is now is served (Little, 1961)
		took = max(took, min(waits, float64(dark)))
		c.before = mark{running, took, max(1.3*c.target, math.Sqrt(c.target*took))} // nearer to what it should be than to what it is
		c.enter(trial, w.now)
		c.until = w.now + int64(min(max(2*waits, float64(lasting)), float64(dark)))
		c.set(c.goal(w))
	}
}

func (c *control) enter(p phase, now int64) {
	c.phase, c.since, c.gauge = p, now, gauge{}
	c.quiet, c.brisk, c.heard, c.until = now, now, now, now
}

// release lifts the limit.
func (c *control) release() { c.phase, c.trouble = free, trouble{} }

// refute lifts a limit that does not help: the service is slow by nature. There is
// no further trial for a while, which doubles each time.
func (c *control) refute(now int64, ops *operations, stretch float64) {
	c.release()
	c.pause = min(max(2*c.pause, shy), shyest)
	c.idle = now + c.pause
	ops.each(func(o *operation) { o.renew(stretch) })
}

// mark is how long calls took at a limit.
type mark struct {
	limit, took float64
	enough      float64 // how long they must take at a lower one, or it does not help
}

// gauge measures that while the limit stays.
type gauge struct {
	settled int64 // since when no more than the limit are under way, or 0
	all     float64
	length  int64
	counts  counts
}

// take takes a window in, and says whether it is enough. Calls count that began
// when no more than the limit were under way, or what began before does not end.
func (g *gauge) take(w window, limit, took float64) bool {
	all := float64(w.all)
	drains := float64(w.running) > limit+1 || all > limit+1 && all < 0.98*g.all
	g.all = all
	if drains {
		g.settled = 0
		return false
	}
	if g.settled == 0 {
		g.settled = w.now
	}
	if float64(w.begun) < float64(g.settled)+took {
		return false
	}
	g.counts.timed += w.timed
	g.counts.spent += w.spent
	g.counts.norm += w.norm
	g.counts.expired += w.expired
	g.counts.lost += w.lost
	g.length += w.length
	n := g.counts.timed + g.counts.expired
	return n >= enough || n >= few && g.length >= longest/2 || n > 0 && g.length >= longest
}

// try sees whether calls are faster at the limit than they were before it. They
// take a share of the time where they waited for each other, and as long where
// they did not.
func (c *control) try(w window, ops *operations) {
	c.aim(w)
	c.trouble.last = float64(w.running)
	expects := max(w.mean(), c.target)
	if !c.gauge.take(w, c.limit, expects) {
		if w.heard() == 0 && w.now-c.heard > max(longest, 4*int64(c.target)) {
			c.refute(w.now, ops, 1)
		} else if w.heard() > 0 {
			c.heard = w.now
		}
		return
	}
	g := window{counts: c.gauge.counts}
	helps := g.took() <= c.before.enough
	lost := 2*g.expired >= g.heard()      // refusing loses nothing
	rises := g.took() > 1.1*c.before.took // it is not slow by nature, and others have yet to hold back
	if !helps && (w.now < c.until || (lost || rises) && w.now-c.since < dark) {
		c.gauge = gauge{}
		if lost {
			c.set(min(c.limit, c.goal(w)))
		}
		return
	}
	if !helps {
		c.refute(w.now, ops, ratio(g.spent, g.norm))
		return
	}
	c.pause = 0
	c.enter(steers, w.now)
	c.before = mark{limit: c.limit, took: g.took()}
	c.steer(w, ops)
}

// steer moves the limit while it helps.
func (c *control) steer(w window, ops *operations) {
	c.aim(w)
	running := float64(w.running)
	c.trouble.last = running
	if w.refused > 0 || w.slow() || w.overloaded(shedToGoOn) || running > c.limit/2 {
		c.quiet = w.now
	}
	if w.heard() > 0 {
		c.heard = w.now
	}
	if !w.brisk() {
		c.brisk = w.now
	}
	if w.now-c.brisk >= quietFor || w.now-c.quiet >= max(quietFor, 2*int64(c.target)) || w.now-c.heard >= max(longest, 4*int64(c.target)) {
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
	gain = min(gain*float64(w.length)/float64(shortest), 0.8)
	if w.refused > 0 && w.brisk() {
		goal = max(goal, 1.5*c.limit) // there is room
	}
	c.set(c.limit + gain*(goal-c.limit))
	switch took := w.took(); {
	case c.limit > c.before.limit:
		c.before = mark{limit: c.limit, took: took}
	case w.refused == 0 || w.timed == 0:
	case c.limit <= float64(c.policy.Min):
		if w.mean() > 1.3*c.target {
			c.yield(w, ops)
		}
	case c.limit <= c.before.limit/4:
		c.before.enough = 0.5 * c.before.took
		c.enter(trial, w.now)
	}
}

// yield takes it slowly for usual what calls take of which so few are under way
// that they do not make each other so slow, or not alone.
func (c *control) yield(w window, ops *operations) {
	ops.each(func(o *operation) {
		if o.recent > o.usual() && o.usual() > 0 {
			o.proven = toward(o.usual(), o.recent, w.length, 10*time.Second, 0)
			o.setUsual(o.proven)
		}
	})
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
	if w.timed > 0 {
		c.target = ratio(w.aims, w.timed)
	}
}

// learn moves what is usual for each operation.
func (c *control) learn(w window, ops *operations) {
	doubtful := w.slow() || w.refused > 0 || c.phase != free
	ops.each(func(o *operation) { o.learn(w.begun, w.now, doubtful) })
}

func (c *control) set(limit float64) {
	c.limit = min(max(limit, float64(c.policy.Min)), float64(c.policy.Max))
}
