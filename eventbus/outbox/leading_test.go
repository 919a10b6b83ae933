package outbox_test

import (
	"context"
	"sync"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/outbox"
)

// blocked is a bus on which nothing is published before the context ends.
type blocked struct{ entered, left chan struct{} }

// Publish implements eventbus.Publisher.
func (b blocked) Publish(ctx context.Context, _ string, _ ...eventbus.Event) error {
	b.entered <- struct{}{}
	<-ctx.Done()
	b.left <- struct{}{}
	return ctx.Err()
}

// hold makes another process hold the lease for d.
func (b *box) hold(d time.Duration) {
	b.s.Helper()
	if _, err := b.db.ExecContext(b.s.Context(), "UPDATE "+b.s.table+"_lease SET holder = 'another', expires_at = "+unixMilli(time.Now().Add(d))); err != nil {
		b.s.Fatal(err)
	}
}

var leading = []rule{
	{"of many processes one sends at a time", func(s *subject) {
		to := &bus{}
		var all []*box
		for range 4 {
			b := s.box(to)
			b.run()
			all = append(all, b)
		}
		var writers sync.WaitGroup
		for _, b := range all {
			writers.Go(func() {
				for range 25 {
					b.write("made", "k", "")
				}
			})
		}
		writers.Wait()
		s.eventually("all", func() bool { return to.count() >= 100 })
		s.never("a second delivery", func() bool { return to.count() > 100 })
	}},
	{"another process takes over when the lease of a dead one has expired", func(s *subject) {
		to := &bus{}
		b := s.box(to)
		b.hold(2 * time.Second)
		b.write("made", "k", "1")
		b.run()
		s.never("a publication beside the other", func() bool { return to.count() > 0 })
		s.eventually("the takeover", func() bool { return to.count() == 1 })
	}},
	{"another process takes over at once after a regular end", func(s *subject) {
		to := &bus{}
		long := func(c *outbox.Config) { c.Lease = time.Hour }
		b, another := s.box(to, long), s.box(to, long)
		stop := b.run()
		s.eventually("the lease", func() bool { return b.leads() })
		another.run()
		stop()
		another.write("made", "k", "1")
		s.eventually("the takeover", func() bool { return to.count() == 1 })
	}},
	{"a process that lost its lease stops what it publishes", func(s *subject) {
		to := blocked{make(chan struct{}, 9), make(chan struct{}, 9)}
		b := s.box(to, func(c *outbox.Config) { c.Lease = time.Second })
		b.run()
		b.write("made", "k", "1")
		<-to.entered
		b.hold(time.Hour)
		<-to.left
		s.never("a publication without the lease", func() bool { return len(to.entered) > 0 })
	}},
	{"a lease is renewed while the bus blocks", func(s *subject) {
		to := blocked{make(chan struct{}, 9), make(chan struct{}, 9)}
		b := s.box(to, func(c *outbox.Config) { c.Lease = time.Second })
		b.run()
		b.write("made", "k", "1")
		<-to.entered
		select {
		case <-to.left:
			s.Fatal("the lease was lost")
		case <-time.After(3 * time.Second):
		}
		b.hold(time.Hour) // ends what is published
	}},
}
