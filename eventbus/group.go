package eventbus

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// group is the subscriptions that share a topic's events. Events of one key are
// in one lane, of which only the first can be under way.
type group struct {
	bus         *Memory
	topic, name string

	mu      sync.Mutex
	work    sync.Cond
	members []*member
	ending  bool // all members are leaving; the last ones drain
	over    bool // all members have left
	ready   ring
	lanes   map[string]*lane
	held    int           // events not handled yet, those under way included
	waiting int           // publishers that wait for space
	resting int           // members that wait for work
	space   chan struct{} // closed when an event leaves; nil while nobody waits
}

// lane is the events of one key, the oldest first; while there is a lane, its
// first event is ready, under way, or pausing.
type lane struct{ deliveries []*delivery }

// delivery is an event on its way to a group, and the context of its handler.
type delivery struct {
	handling
	lane  *lane // nil for an event without a key
	pause time.Duration
}

func newGroup(b *Memory, topic, name string) *group {
	g := &group{bus: b, topic: topic, name: name, lanes: map[string]*lane{}}
	g.work.L = &g.mu
	return g
}

// put adds an event, waiting for space except in a handler, which must not wait
// for itself. To a group that is ending it is nothing new: nobody subscribes any
// more.
func (g *group) put(ctx context.Context, e *Event) error {
	d := &delivery{handling: handling{event: *e}}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ending {
		return g.bus.ended(g.topic)
	}
	if g.held >= g.bus.policy.Buffer && !isHandling(ctx) {
		if err := g.await(ctx); err != nil {
			return err
		}
	}
	g.held++
	if e.Key != "" {
		l, busy := g.lanes[e.Key]
		if !busy {
			l = &lane{}
			g.lanes[e.Key] = l
		}
		d.lane = l
		l.deliveries = append(l.deliveries, d)
		if busy {
			return nil
		}
	}
	g.offer(d)
	return nil
}

// await waits for space. Members that leave meanwhile make it first. The lock is
// held.
func (g *group) await(ctx context.Context) error {
	g.waiting++
	for g.held >= g.bus.policy.Buffer && !g.over && ctx.Err() == nil {
		if g.space == nil {
			g.space = make(chan struct{})
		}
		space := g.space
		g.mu.Unlock()
		select {
		case <-space:
		case <-ctx.Done():
		}
		g.mu.Lock()
	}
	g.waiting--
	if g.over {
		late := fault.Unavailable.Errorf("topic %s: group %q ended before it had space for an event", g.topic, g.name)
		return cmp.Or(g.bus.ended(g.topic), error(late))
	}
	if ctx.Err() != nil {
		g.eased()
	}
	return ctx.Err()
}

// offer makes a delivery ready. The lock is held.
func (g *group) offer(d *delivery) {
	g.ready.push(d)
	if g.resting > 0 {
		g.work.Signal()
	}
}

// settle takes note of how a delivery ended. The lock is held.
func (g *group) settle(d *delivery, err error) {
	if err != nil {
		pause := g.bus.pauses().Next(d.pause)
		g.bus.failed(g, d, err, pause)
		// The failed handler may still use its context, d.
		again := &delivery{handling: handling{event: d.event}, lane: d.lane, pause: pause}
		if d.lane != nil {
			d.lane.deliveries[0] = again
		}
		time.AfterFunc(pause, func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.offer(again)
		})
		return
	}
	if l := d.lane; l != nil {
		l.deliveries[0] = nil
		if l.deliveries = l.deliveries[1:]; len(l.deliveries) > 0 {
			g.offer(l.deliveries[0])
		} else {
			delete(g.lanes, d.event.Key)
		}
	}
	g.release(1)
}

// release makes space. The lock is held.
func (g *group) release(n int) {
	g.held -= n
	if g.space != nil {
		close(g.space)
		g.space = nil
	}
	g.eased()
}

// eased tells those who wait for the group to have nothing left to handle. The
// lock is held.
func (g *group) eased() {
	if g.undone() > 0 {
		return
	}
	g.bus.told()
	if g.ending {
		g.work.Broadcast()
	}
}

// join adds a member, or is nil when the last one has left. A group whose members
// are leaving goes on.
func (g *group) join(h Handler) *member {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over {
		return nil
	}
	if g.ending {
		g.ending = false
		g.work.Broadcast() // those who are leaving need not drain
	}
	m := newMember(g, h)
	g.members = append(g.members, m)
	go m.run()
	return m
}

// leave has a member stop; the last one first handles what waits.
func (g *group) leave(m *member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	m.leaving = true
	g.ending = g.ending || !slices.ContainsFunc(g.members, func(m *member) bool { return !m.leaving })
	g.work.Broadcast()
}

// gone removes a member that has stopped. What the last one leaves undone is
// given up.
func (g *group) gone(m *member) {
	g.mu.Lock()
	g.members = slices.DeleteFunc(g.members, func(other *member) bool { return other == m })
	g.over = g.ending && len(g.members) == 0
	if g.over {
		g.release(g.held)
	}
	over := g.over
	g.mu.Unlock()
	if over {
		g.bus.drop(g)
	}
}

// undone is how many events wait for the group's members or are under way. The
// lock is held.
func (g *group) undone() int { return g.held + g.waiting }

func (g *group) everybody() []*member {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.members)
}

// ring is a queue of deliveries.
type ring struct {
	items []*delivery
	head  int
	count int
}

func (r *ring) push(d *delivery) {
	if r.count == len(r.items) {
		grown := make([]*delivery, max(16, 2*r.count))
		n := copy(grown, r.items[r.head:])
		copy(grown[n:], r.items[:r.head])
		r.items, r.head = grown, 0
	}
	r.items[(r.head+r.count)&(len(r.items)-1)] = d
	r.count++
}

func (r *ring) pop() *delivery {
	d := r.items[r.head]
	r.items[r.head] = nil
	r.head = (r.head + 1) & (len(r.items) - 1)
	r.count--
	return d
}
