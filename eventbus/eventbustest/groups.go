package eventbustest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

// groups are the rules for sharing events among the members of a group.
var groups = []rule{
	{
		Name:     "groups",
		Sentence: "Each group gets every event, one member of it each, and the group \"\" is everybody for himself.",
		Check: func(s *subject) {
			var group [2]atomic.Int64
			all, one, two := newLog(), newLog(), newLog()
			for i := range group {
				s.subscribe("shared", func(_ context.Context, e eventbus.Event) error {
					group[i].Add(1)
					<-time.After(time.Millisecond) // busy enough for the other to get some
					all.add(e)
					return nil
				})
			}
			s.subscribe("", one.record)
			s.subscribe("", two.record)
			s.publish("", numbers(200)...)
			for _, l := range []*log{all, one, two} {
				s.wait(l, "200 events", atLeast(200))
			}
			if n := len(all.all()); n != 200 {
				s.Errorf("the group was given %d deliveries of 200 events", n)
			}
			if group[0].Load() == 0 || group[1].Load() == 0 {
				s.Errorf("one member got nothing: %d and %d", group[0].Load(), group[1].Load())
			}
		},
	},
	{
		Name:     "key_waits",
		Sentence: "A failing event holds up the events of its key, and no others.",
		Unless:   func(f Features) bool { return f.SharesPartitions || f.NoOrder },
		Check: func(s *subject) {
			seen := newLog()
			var broken atomic.Bool
			broken.Store(true)
			s.subscribe("g", func(_ context.Context, e eventbus.Event) error {
				if e.Key == "bad" && broken.Load() {
					return errNotYet
				}
				seen.add(e)
				return nil
			})
			s.publish("bad", "1", "2")
			s.publish("good", numbers(20)...)
			s.wait(seen, "the other key's events", atLeast(20))
			broken.Store(false)
			got := s.wait(seen, "all events", atLeast(22))
			if err := ordered(got); err != nil {
				s.Error(err)
			}
		},
	},
	{
		Name:     "slow",
		Sentence: "A slow handler holds up the events of its key alone: the other members take all others.",
		Unless:   func(f Features) bool { return f.NoOrder },
		Check: func(s *subject) {
			seen := newLog()
			entered, leave := make(chan struct{}), make(chan struct{})
			end := sync.OnceFunc(func() { close(leave) })
			defer end()
			for range 4 {
				s.subscribe("g", func(_ context.Context, e eventbus.Event) error {
					if e.ID == "slow/1" {
						close(entered)
						<-leave
					}
					seen.add(e)
					return nil
				})
			}
			s.publish("slow", "1", "2")
			<-entered
			const keys, each = 40, 5
			for k := range keys {
				s.publish(fmt.Sprint("k", k), numbers(each)...)
			}
			free := keys * each
			if s.SharesPartitions {
				free = free * 3 / 4
			}
			for _, e := range s.wait(seen, "the other keys' events", atLeast(free)) {
				if e.Key == "slow" {
					s.Errorf("event %s before the one that is being handled", e.ID)
				}
			}
			end()
			if err := ordered(s.wait(seen, "all events", atLeast(keys*each+2))); err != nil {
				s.Error(err)
			}
		},
	},
	{
		Name:     "order",
		Sentence: "Events of one key are handled in order and one at a time, whichever members there are.",
		Unless:   func(f Features) bool { return f.NoOrder },
		Check: func(s *subject) {
			seen := newLog()
			var busy sync.Map
			handle := func(_ context.Context, e eventbus.Event) error {
				if _, taken := busy.LoadOrStore(e.Key, true); taken {
					s.Errorf("two events of key %s at once", e.Key)
				}
				seen.add(e)
				busy.Delete(e.Key)
				return nil
			}
			for range 4 {
				s.subscribe("g", handle)
			}
			var publishers sync.WaitGroup
			const keys = 8
			for k := range keys {
				publishers.Go(func() { s.publish(fmt.Sprint("k", k), numbers(s.Events/keys)...) })
			}
			publishers.Wait()
			got := s.wait(seen, "all events", atLeast(s.Events/keys*keys))
			if err := ordered(got); err != nil {
				s.Error(err)
			}
		},
	},
	{
		Name:     "lag",
		Sentence: "Lag counts what a group has not handled, whatever other groups have, and knows no group that does not exist.",
		Unless:   func(f Features) bool { return f.NoLag },
		Check:    lag,
	},
	{
		Name:     "back_pressure",
		Sentence: "Publish waits for slow handlers rather than pile up, ends with its context, and does not wait within a handler.",
		Unless:   func(f Features) bool { return f.NoBackPressure },
		Check: func(s *subject) {
			leave := make(chan struct{})
			s.subscribe("g", func(ctx context.Context, e eventbus.Event) error {
				if string(e.Data) == "first" {
					<-leave
					return s.bus.Publish(ctx, s.topic, eventbus.Event{Data: []byte("nested")})
				}
				return nil
			})
			s.publish("", "first")
			ctx, cancel := context.WithCancel(s.Context())
			var published atomic.Int64
			done := make(chan error)
			go func() {
				for {
					if err := s.bus.Publish(ctx, s.topic, eventbus.Event{Data: []byte("more")}); err != nil {
						done <- err
						return
					}
					published.Add(1)
				}
			}()
			settledCount(&published)
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				s.Errorf("publish ended with %v", err)
			}
			close(leave)
			if err := s.bus.Close(s.limited()); err != nil {
				s.Errorf("close: %v", err)
			}
		},
	},
}

// settledCount returns the count when it stops growing.
func settledCount(count *atomic.Int64) int64 {
	before := int64(-1)
	for now := count.Load(); now != before; now = count.Load() {
		before = now
		<-time.After(50 * time.Millisecond)
	}
	return before
}

// lag counts what waits for a group whose handler hangs, and then ends.
func lag(s *subject) {
	seen, leave := newLog(), make(chan struct{})
	end := sync.OnceFunc(func() { close(leave) })
	defer end()
	s.subscribe("slow", func(_ context.Context, e eventbus.Event) error {
		<-leave
		seen.add(e)
		return nil
	})
	s.subscribe("quick", seen.record)
	reporter := s.bus.(eventbus.LagReporter)
	keys, each := []string{"a", "", "b"}, 1
	if s.NoBackPressure {
		each = 5
	}
	for _, key := range keys {
		s.publish(key, numbers(each)...)
	}
	all := len(keys) * each
	s.wait(seen, "the events of the other group", atLeast(all))
	<-time.After(20 * time.Millisecond)
	if lag, err := reporter.Lag(s.limited(), s.topic, "slow"); err != nil || lag.Events != int64(all) || lag.Oldest < 20*time.Millisecond || lag.Oldest > waitLimit {
		s.Errorf("the lag of %d events is %+v, %v", all, lag, err)
	}
	end()
	for _, group := range []string{"slow", "quick"} {
		s.until("no lag of group "+group, func() bool {
			lag, err := reporter.Lag(s.limited(), s.topic, group)
			if err != nil {
				s.Errorf("lag: %v", err)
			}
			return err != nil || lag == eventbus.Lag{}
		})
	}
	for _, group := range []string{"", "other"} {
		if lag, err := reporter.Lag(s.limited(), s.topic, group); !errors.Is(err, fault.NotFound) {
			s.Errorf("the lag of group %q is %+v, %v", group, lag, err)
		}
	}
}

// until waits until ok is true, and asks again and again.
func (s *subject) until(what string, ok func() bool) {
	s.Helper()
	for ctx := s.limited(); !ok(); {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			s.Fatalf("waited in vain for %s", what)
		}
	}
}
