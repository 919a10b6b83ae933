package eventbustest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/eventbus"
)

// members are the rules about members of a group that come and go.
var members = []rule{
	{
		Name:     "begins",
		Sentence: "A group begins with what is published after its first Subscribe.",
		Check: func(s *subject) {
			seen := newLog()
			s.publish("k", "1", "2")
			s.subscribe("g", seen.record)
			s.publish("k", "3")
			if got := s.wait(seen, "the event", atLeast(1)); string(got[0].Data) != "3" {
				s.Errorf("got %s, which was there before", got[0].Data)
			}
		},
	},
	{
		Name:     "members_come_and_go",
		Sentence: "Nothing is lost and no key loses its order while members come and go.",
		Check: func(s *subject) {
			seen := newLog()
			s.subscribe("g", seen.record)
			var group sync.WaitGroup
			group.Go(func() { s.publish("a", numbers(s.Events/4)...) })
			group.Go(func() { s.publish("b", numbers(s.Events/4)...) })
			for range 10 {
				stop := s.subscribe("g", seen.record)
				if err := stop(s.limited()); err != nil {
					s.Errorf("stop: %v", err)
				}
			}
			group.Wait()
			s.checkOrder(s.wait(seen, "all events", atLeast(s.Events/4*2)))
		},
	},
	{
		Name:     "rejoin",
		Sentence: "A member that joins while the last one leaves is of the same group: order holds, and nothing comes twice at once.",
		Unless:   func(f Features) bool { return f.NoOrder },
		Check: func(s *subject) {
			for _, cut := range []bool{false, true} {
				rejoin(s, cut, fmt.Sprint("cut short ", cut))
			}
		},
	},
	{
		Name:     "leaving",
		Sentence: "What was published while there was a member is handled though the last one leaves, or Publish says that it is not.",
		Unless:   func(f Features) bool { return f.LosesWaiting },
		Check:    leaving,
	},
	{
		Name:     "keeps_groups",
		Sentence: "A group gets what was published while it had no members.",
		Unless:   func(f Features) bool { return f.ForgetsGroups },
		Check: func(s *subject) {
			seen := newLog()
			if err := s.subscribe("g", seen.record)(s.limited()); err != nil {
				s.Fatal(err)
			}
			s.publish("k", numbers(10)...)
			s.subscribe("g", seen.record)
			s.checkOrder(s.wait(seen, "ten events", atLeast(10)))
		},
	},
}

// rejoin adds a member while the only other member, which is stopped, handles the first
// of three events.
func rejoin(s *subject, cut bool, key string) {
	seen := newLog()
	var busy atomic.Bool
	entered, leave := make(chan struct{}), make(chan struct{})
	enter, end := sync.OnceFunc(func() { close(entered) }), sync.OnceFunc(func() { close(leave) })
	defer end()
	handle := func(_ context.Context, e eventbus.Event) error {
		if !busy.CompareAndSwap(false, true) {
			s.Error("two events of a key at once")
		}
		defer busy.Store(false)
		if string(e.Data) == "1" {
			enter()
			<-leave
		}
		seen.add(e)
		return nil
	}
	stop := s.subscribe("g", handle)
	s.publish(key, "1", "2")
	<-entered
	ctx, cancel := context.WithCancel(s.limited())
	defer cancel()
	if cut {
		cancel()
	}
	stopped := make(chan error, 1)
	go func() { stopped <- stop(ctx) }()
	<-time.After(20 * time.Millisecond) // so that the stop has started
	again := s.subscribe("g", handle)
	s.publish(key, "3")
	<-time.After(20 * time.Millisecond) // so that a wrong bus would deliver it
	end()
	if err := <-stopped; (err != nil) != cut {
		s.Errorf("stop: %v", err)
	}
	if err := ordered(s.wait(seen, "all events", atLeast(3))); err != nil {
		s.Error(err)
	}
	if err := again(s.limited()); err != nil {
		s.Errorf("stop: %v", err)
	}
}

// leaving stops the only member while it handles an event and others wait, some perhaps
// in Publish.
func leaving(s *subject) {
	seen := newLog()
	entered, leave := make(chan struct{}), make(chan struct{})
	enter, end := sync.OnceFunc(func() { close(entered) }), sync.OnceFunc(func() { close(leave) })
	defer end()
	stop := s.subscribe("g", func(_ context.Context, e eventbus.Event) error {
		enter()
		<-leave
		seen.add(e)
		return nil
	})
	s.publish("first", "1")
	<-entered
	var begun atomic.Int64
	published := make(chan []string, 1)
	go func() {
		var ids []string
		for i, d := range numbers(s.Events) {
			begun.Store(int64(i + 1))
			if err := s.bus.Publish(s.limited(), s.topic, eventbus.Event{ID: d, Key: "k", Data: []byte(d)}); err == nil {
				ids = append(ids, d)
			}
		}
		published <- ids
	}()
	before := settledCount(&begun)
	stopped := make(chan error, 1)
	go func() { stopped <- stop(s.limited()) }()
	<-time.After(20 * time.Millisecond) // so that the stop has started
	end()
	if err := <-stopped; err != nil {
		s.Errorf("stop: %v", err)
	}
	ids := <-published
	if !s.ForgetsGroups {
		s.subscribe("g", seen.record)
	}
	early := slices.DeleteFunc(ids, func(id string) bool { return id >= fmt.Sprintf("%08d", before) })
	s.wait(seen, "what was published before the member left", includes(early))
}
