package eventbus

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/change"
)

// group is the subscriptions that share the events of a topic. Events of one key are in
// one queue, and only the first of a queue can be in delivery.
type group struct {
	bus         *Memory
	topic, name string
	of          subscription // to the topic, by the name

	mu      sync.Mutex
	work    sync.Cond
	members []*member
	ending  bool // all members are leaving; the last of them drain
	ended   bool // all members have left
	ready   ring
	queues  map[string]*keyQueue
	pending int           // events not handled yet, including those in delivery
	waiting int           // publishers that wait for space
	idle    int           // members that wait for work
	space   change.Signal // an event has left
}

// keyQueue is the events of one key, the oldest first. A queue in the group is never
// empty: its first event is ready, in delivery, or pausing.
type keyQueue struct{ deliveries []*delivery }

// delivery is the delivery of an event to a group, and the context of its handler.
type delivery struct {
	handling
	queue    *keyQueue // nil for an event without a key
	pause    time.Duration
	failures int32
}

func newGroup(b *Memory, topic, name string) *group {
	g := &group{bus: b, topic: topic, name: name, of: subscription{topic, name}, queues: map[string]*keyQueue{}}
	g.work.L = &g.mu
	return g
}

// put adds an event. It waits for space, except in a handler, which must not wait for
// itself. If the group is ending, it drops the event, because nobody subscribes to it any
// more.
func (g *group) put(ctx context.Context, e *Event) error {
	d := &delivery{handling: handling{event: *e}}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ending {
		return g.bus.errIfClosed(g.topic)
	}
	if !g.bus.current.Load().accepts(ctx) { // Close may have counted the backlog since publish looked
		return errClosed(g.topic)
	}
	if g.pending >= g.bus.policy.Buffer && !isHandling(ctx) {
		if err := g.waitForSpace(ctx); err != nil {
			return err
		}
	}
	g.pending++
	if e.Key != "" {
		queue, busy := g.queues[e.Key]
		if !busy {
			queue = &keyQueue{}
			g.queues[e.Key] = queue
		}
		d.queue = queue
		queue.deliveries = append(queue.deliveries, d)
		if busy {
			return nil
		}
	}
	g.makeReady(d)
	return nil
}

// waitForSpace waits until the buffer has space. Members that are leaving make space
// before they leave. The lock is held.
func (g *group) waitForSpace(ctx context.Context) error {
	g.waiting++
	for g.pending >= g.bus.policy.Buffer && !g.ended && ctx.Err() == nil {
		space := g.space.Next()
		g.mu.Unlock()
		select {
		case <-space:
		case <-ctx.Done():
		}
		g.mu.Lock()
	}
	g.waiting--
	if g.ended {
		late := fault.Unavailable.Errorf("topic %s: group %q ended before it had space for an event", g.topic, g.name)
		return cmp.Or(g.bus.errIfClosed(g.topic), error(late))
	}
	if ctx.Err() != nil {
		g.notifyIfDone()
	}
	return ctx.Err()
}

// makeReady offers a delivery to the members. The lock is held.
func (g *group) makeReady(d *delivery) {
	g.ready.push(d)
	if g.idle > 0 {
		g.work.Signal()
	}
}

// finish records how a delivery ended, and schedules its redelivery if it failed. The
// lock is held.
func (g *group) finish(d *delivery, err error) {
	if err != nil {
		pause := g.bus.redeliveryPauses().Next(d.pause)
		g.bus.logRedelivery(g, d, err, pause)
		// The failed handler may still use its context, d.
		again := &delivery{handling: handling{event: d.event}, queue: d.queue, pause: pause, failures: d.failures + 1}
		if d.queue != nil {
			d.queue.deliveries[0] = again
		}
		time.AfterFunc(pause, func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.makeReady(again)
		})
		return
	}
	if queue := d.queue; queue != nil {
		queue.deliveries[0] = nil
		if queue.deliveries = queue.deliveries[1:]; len(queue.deliveries) > 0 {
			g.makeReady(queue.deliveries[0])
		} else {
			delete(g.queues, d.event.Key)
		}
	}
	g.release(1)
}

// release makes space for n events. The lock is held.
func (g *group) release(n int) {
	g.pending -= n
	g.space.Notify()
	g.notifyIfDone()
}

// notifyIfDone wakes those who wait until the group has nothing left to handle. The lock
// is held.
func (g *group) notifyIfDone() {
	if g.backlog() > 0 {
		return
	}
	g.bus.signalIdle()
	if g.ending {
		g.work.Broadcast()
	}
}

// join adds a member. It returns nil if the last member has left. A group whose members
// are leaving continues.
func (g *group) join(h Handler) *member {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended {
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

// leave stops a member. The last member first handles what waits.
func (g *group) leave(m *member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	m.leaving = true
	g.ending = g.ending || !slices.ContainsFunc(g.members, func(m *member) bool { return !m.leaving })
	g.work.Broadcast()
}

// remove removes a member that has stopped. What the last member leaves undone is lost.
func (g *group) remove(m *member) {
	g.mu.Lock()
	g.members = slices.DeleteFunc(g.members, func(other *member) bool { return other == m })
	g.ended = g.ending && len(g.members) == 0
	if g.ended {
		g.release(g.pending)
	}
	ended := g.ended
	g.mu.Unlock()
	if ended {
		g.bus.removeGroup(g)
	}
}

// backlog is the number of events that wait for the group or are in delivery. The lock is
// held.
func (g *group) backlog() int { return g.pending + g.waiting }

// lag is what the group has not handled.
func (g *group) lag() (lag Lag) {
	g.mu.Lock()
	defer g.mu.Unlock()
	lag.Events = int64(g.pending)
	for i := range g.ready.count {
		lag.add(g.ready.at(i))
	}
	for _, queue := range g.queues {
		lag.add(queue.deliveries[0])
	}
	for _, m := range g.members {
		if m.current != nil {
			lag.add(m.current)
		}
	}
	return lag
}

func (l *Lag) add(d *delivery) { l.Oldest = max(l.Oldest, time.Since(d.event.Time)) }

func (g *group) allMembers() []*member {
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

// at is the delivery that is popped after i others.
func (r *ring) at(i int) *delivery { return r.items[(r.head+i)&(len(r.items)-1)] }

func (r *ring) pop() *delivery {
	d := r.items[r.head]
	r.items[r.head] = nil
	r.head = (r.head + 1) & (len(r.items) - 1)
	r.count--
	return d
}
