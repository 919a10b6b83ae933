package eventbus

import (
	"context"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/deadline"
)

// member is one subscription of a group, with its own goroutine.
type member struct {
	group   *group
	handler Handler
	ctx     context.Context
	cancel  context.CancelFunc
	done    chan struct{}

	current *delivery // or nil; guarded by the group's lock
	leaving bool      // guarded by the group's lock
	aborted bool      // the drain was cut short; guarded by the group's lock
}

func newMember(g *group, h Handler) *member {
	m := &member{group: g, handler: h, done: make(chan struct{})}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	return m
}

// stop ends the subscription. It may be called repeatedly.
func (m *member) stop(ctx context.Context) error {
	ctx, cancel := deadline.EnsureEnd(ctx, EndTimeout)
	defer cancel()
	m.group.leave(m)
	err := deadline.Await(ctx, m.done)
	if err == nil {
		return nil
	}
	m.group.mu.Lock()
	m.aborted = true
	m.group.work.Broadcast()
	left := 0
	if m.group.ending { // nobody else handles them
		left = m.group.backlog()
	}
	m.group.mu.Unlock()
	m.cancel()
	if left == 0 {
		return err
	}
	return fault.CodeOf(err).Errorf("%d events of topic %s are not handled: %w", left, m.group.topic, err)
}

// run handles events until the member has left.
func (m *member) run() {
	g := m.group
	defer close(m.done)
	defer m.cancel()
	defer g.remove(m)
	g.mu.Lock()
	defer g.mu.Unlock()
	for {
		for g.ready.count == 0 && !m.isDone() {
			g.idle++
			g.work.Wait()
			g.idle--
		}
		if m.isDone() {
			g.work.Signal() // the wake-up may have been meant for another member
			return
		}
		d := g.ready.pop()
		m.current = d
		g.mu.Unlock()
		err := m.handle(d)
		g.mu.Lock()
		m.current = nil
		g.finish(d, err)
	}
}

// isDone reports whether the member handles no more events. The group's lock is held.
func (m *member) isDone() bool {
	switch {
	case m.aborted:
		return true
	case !m.leaving:
		return false
	default:
		return !m.group.ending || m.group.backlog() == 0
	}
}

func (m *member) handle(d *delivery) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(d, m.group.topic, d.event, p)
		}
	}()
	d.Context = m.ctx
	d.of, d.number = &m.group.of, d.failures+1
	d.event.encode()
	return m.handler(d, d.event)
}
