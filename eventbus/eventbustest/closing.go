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

// closing are the rules for the end of subscriptions and buses.
var closing = []rule{
	{
		Name:     "nil handler",
		Sentence: "A handler that is nil is refused, and not called for ever.",
		Check: func(s *subject) {
			if _, err := s.bus.Subscribe(s.topic, "g", nil); !errors.Is(err, fault.InvalidArgument) {
				s.Errorf("it was subscribed: %v", err)
			}
		},
	},
	{
		Name:     "stop",
		Sentence: "Stop waits for the handler, after it none is called, and it may be called again.",
		Check: func(s *subject) {
			seen := newLog()
			var stopped atomic.Bool
			entered, leave := make(chan struct{}), make(chan struct{})
			stop := s.subscribe("g", func(ctx context.Context, e eventbus.Event) error {
				if stopped.Load() {
					s.Error("called after stop")
				}
				if seen.add(e) == 1 {
					close(entered)
					<-leave
				}
				return ctx.Err()
			})
			s.publish("k", "1")
			<-entered
			done := make(chan error)
			go func() {
				err := stop(s.limited())
				stopped.Store(true)
				done <- err
			}()
			select {
			case <-done:
				s.Error("stop did not wait")
			case <-time.After(20 * time.Millisecond):
			}
			close(leave)
			if err := <-done; err != nil {
				s.Errorf("stop: %v", err)
			}
			if err := stop(s.limited()); err != nil {
				s.Errorf("second stop: %v", err)
			}
			s.publish("k", "2")
		},
	},
	{
		Name:     "drain",
		Sentence: "Close lets what was begun end, and is harmless twice and at once.",
		Check: func(s *subject) {
			var begun, ended atomic.Int64
			entered := make(chan struct{}, s.Events)
			s.subscribe("g", func(ctx context.Context, _ eventbus.Event) error {
				begun.Add(1)
				entered <- struct{}{}
				select {
				case <-ctx.Done():
					s.Error("a handler's context ended while there was time to drain")
				case <-time.After(time.Millisecond):
				}
				ended.Add(1)
				return nil
			})
			s.publish("", numbers(20)...)
			<-entered
			var group sync.WaitGroup
			for range 3 {
				group.Go(func() {
					if err := s.bus.Close(s.limited()); err != nil {
						s.Errorf("close: %v", err)
					}
				})
			}
			group.Wait()
			if begun.Load() != ended.Load() || s.drains() && ended.Load() != 20 {
				s.Errorf("%d begun and %d ended of 20", begun.Load(), ended.Load())
			}
			if err := s.bus.Publish(s.limited(), s.topic, eventbus.Event{ID: "late"}); !errors.Is(err, fault.FailedPrecondition) {
				s.Errorf("publish on a closed bus: %v", err)
			}
			if _, err := s.bus.Subscribe(s.topic, "g", func(context.Context, eventbus.Event) error { return nil }); !errors.Is(err, fault.FailedPrecondition) {
				s.Errorf("subscribe on a closed bus: %v", err)
			}
		},
	},
	{
		Name:     "close_under_load",
		Sentence: "Close under load, twice at once, loses no event and has none put aside; handlers publish until they end.",
		Check: func(s *subject) {
			closeUnderLoad(s, false)
		},
	},
	{
		Name:     "cut_short_under_load",
		Sentence: "Close that is cut short under load has no event put aside, and what was not handled is redelivered.",
		Check: func(s *subject) {
			closeUnderLoad(s, true)
		},
	},
	{
		Name:     "cut_short",
		Sentence: "A drain whose time runs out cancels the handlers and says so.",
		Check: func(s *subject) {
			entered, left := make(chan struct{}), make(chan struct{})
			s.subscribe("g", func(ctx context.Context, _ eventbus.Event) error {
				close(entered)
				<-ctx.Done()
				defer close(left)
				return nil
			})
			s.publish("", "1")
			<-entered
			ctx, cancel := context.WithTimeout(s.Context(), 10*time.Millisecond)
			defer cancel()
			if err := s.bus.Close(ctx); err == nil {
				s.Error("close says that all is well")
			}
			<-left
		},
	},
}

// drains reports whether Close delivers what waits.
func (s *subject) drains() bool { return s.ForgetsGroups && !s.LosesWaiting }

// loadTest is a topic whose handlers publish as well, and put aside what they cannot handle.
type loadTest struct {
	*subject
	handled, next, dead *log
	cutShort            bool
}

// subscribeAll subscribes to all topics of the load.
func (l *loadTest) subscribeAll(bus eventbus.Bus, slow chan struct{}) {
	subscribe := func(suffix string, h eventbus.Handler) {
		if _, err := bus.Subscribe(l.topic+suffix, "g", h); err != nil {
			l.Fatal(err)
		}
	}
	subscribe("-next", l.next.record)
	subscribe("-dead", l.dead.record)
	for range 4 {
		err := eventbus.Topic[string]{Name: l.topic}.Handle(bus, "g", func(ctx context.Context, v string) error {
			e, _ := eventbus.EventOf(ctx)
			if v == "slow" {
				select {
				case <-slow:
				case <-ctx.Done():
					if !l.cutShort {
						l.Error("a handler's context ended while there was time to drain")
					}
				}
			}
			if err := bus.Publish(ctx, l.topic+"-next", eventbus.Event{ID: e.ID, Source: "test"}); err != nil {
				if !l.cutShort {
					l.Errorf("a handler could not publish: %v", err)
				}
				return err
			}
			l.handled.add(e)
			return ctx.Err()
		}, eventbus.DeadLetter(bus, l.topic+"-dead"), eventbus.RetryPolicy{Attempts: 2, Backoff: time.Millisecond}.Middleware())
		if err != nil {
			l.Fatal(err)
		}
	}
}

// publish publishes until the bus is closed, and returns the IDs that the bus accepted.
func (l *loadTest) publish(key string) (taken []string) {
	for i := 0; ; i++ {
		id := fmt.Sprint(key, "/", i)
		if l.bus.Publish(l.limited(), l.topic, eventbus.Event{ID: id, Source: "test", Key: key, Data: []byte(`"quick"`)}) != nil {
			return taken
		}
		taken = append(taken, id)
	}
}

func closeUnderLoad(s *subject, cut bool) {
	l := &loadTest{s, newLog(), newLog(), newLog(), cut}
	slow := make(chan struct{})
	end := sync.OnceFunc(func() { close(slow) })
	defer end()
	l.subscribeAll(s.bus, slow)
	if err := s.bus.Publish(s.limited(), s.topic, eventbus.Event{ID: "slow", Source: "test", Key: "slow", Data: []byte(`"slow"`)}); err != nil {
		s.Fatal(err)
	}
	var group sync.WaitGroup
	taken := make(chan []string, 5)
	taken <- []string{"slow"}
	for k := range 4 {
		group.Go(func() { taken <- l.publish(fmt.Sprint("k", k)) })
	}
	s.wait(l.handled, "some events", atLeast(40))
	ctx, cancel := context.WithCancel(s.limited())
	defer cancel()
	for range 2 {
		group.Go(func() {
			if err := s.bus.Close(ctx); (err != nil) != cut {
				s.Errorf("close: %v", err)
			}
		})
	}
	<-time.After(20 * time.Millisecond) // so that Close has started
	if cut {
		cancel()
	} else {
		end()
	}
	group.Wait()
	close(taken)
	var all []string
	for some := range taken {
		all = append(all, some...)
	}
	if !s.ForgetsGroups {
		s.bus = s.open(s.T)
		end()
		l.subscribeAll(s.bus, slow)
	}
	if !s.ForgetsGroups || !cut && s.drains() {
		for _, c := range []struct {
			what string
			got  *log
		}{
			{what: "all events", got: l.handled},
			{what: "what their handlers published", got: l.next},
		} {
			s.wait(c.got, c.what, includes(all))
		}
	}
	if dead := l.dead.all(); len(dead) > 0 {
		s.Errorf("%d events put aside, because %s", len(dead), dead[0].Extensions[eventbus.DeadReason])
	}
}
