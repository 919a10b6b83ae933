package eventbustest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

var errNotYet = errors.New("not yet")

var rules = []rule{
	{"whole", "An event arrives with all that it was published with.", nil, func(s *subject) {
		seen := newLog()
		s.subscribe("g", seen.keep)
		e := eventbus.Event{
			ID: "7", Source: "orders", Type: "order.placed", Subject: "o-7", Time: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC),
			Key: "o-7", DataContentType: "application/octet-stream", DataSchema: "urn:order",
			Extensions: map[string]string{"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}, Data: []byte{0, 1, 0xff},
		}
		if err := s.bus.Publish(s.soon(), s.topic, e); err != nil {
			s.Fatal(err)
		}
		got := s.wait(seen, "the event", atLeast(1))[0]
		if fmt.Sprint(got.ID, got.Source, got.Type, got.Subject, got.Time.UTC(), got.Key, got.DataContentType, got.DataSchema, got.Extensions, got.Data) !=
			fmt.Sprint(e.ID, e.Source, e.Type, e.Subject, e.Time, e.Key, e.DataContentType, e.DataSchema, e.Extensions, e.Data) {
			s.Errorf("got %+v", got)
		}
	}},
	{"complete", "An event without id, source, type and time gets them, and its handler finds it in its context.", nil, func(s *subject) {
		seen := newLog()
		s.subscribe("g", func(ctx context.Context, e eventbus.Event) error {
			if own, ok := eventbus.EventOf(ctx); !ok || own.ID != e.ID {
				s.Errorf("the context has event %q", own.ID)
			}
			seen.add(e)
			return nil
		})
		if err := s.bus.Publish(s.soon(), s.topic, eventbus.Event{Data: []byte(`1`)}); err != nil {
			s.Fatal(err)
		}
		if got := s.wait(seen, "the event", atLeast(1))[0]; got.ID == "" || got.Source == "" || got.Type == "" || got.Time.IsZero() {
			s.Errorf("got %+v", got)
		}
	}},
	{"groups", "Each group gets every event, one member of it each, and the group \"\" is everybody for himself.", nil, func(s *subject) {
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
		s.subscribe("", one.keep)
		s.subscribe("", two.keep)
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
	}},
	{"topics", "A subscription gets the events of its topic alone.", nil, func(s *subject) {
		seen := newLog()
		s.subscribe("g", seen.keep)
		if err := s.bus.Publish(s.soon(), s.topic+"-other", eventbus.Event{ID: "other"}); err != nil {
			s.Fatal(err)
		}
		s.publish("", "own")
		if got := s.wait(seen, "the event", atLeast(1)); string(got[0].Data) != "own" {
			s.Errorf("got %+v", got[0])
		}
	}},
	{"again", "An event whose handler fails or panics comes again until it succeeds.", nil, func(s *subject) {
		seen := newLog()
		s.subscribe("g", func(_ context.Context, e eventbus.Event) error {
			switch seen.add(e) {
			case 1:
				return errNotYet
			case 2:
				panic("oops")
			}
			return nil
		})
		s.publish("k", "a")
		if got := s.wait(seen, "three deliveries", func(e []eventbus.Event) bool { return len(e) == 3 }); distinct(got) != 1 {
			s.Errorf("%d different events", distinct(got))
		}
	}},
	{"key_waits", "A failing event holds up the events of its key, and no others.", func(f Features) bool { return f.SharesLanes }, func(s *subject) {
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
	}},
	{"order", "Events of one key are handled in order and one at a time, whichever members there are.", nil, func(s *subject) {
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
	}},
	{"members_come_and_go", "Nothing is lost and no key loses its order while members come and go.", nil, func(s *subject) {
		seen := newLog()
		s.subscribe("g", seen.keep)
		var group sync.WaitGroup
		group.Go(func() { s.publish("a", numbers(s.Events/4)...) })
		group.Go(func() { s.publish("b", numbers(s.Events/4)...) })
		for range 10 {
			stop := s.subscribe("g", seen.keep)
			if err := stop(s.soon()); err != nil {
				s.Errorf("stop: %v", err)
			}
		}
		group.Wait()
		if err := ordered(s.wait(seen, "all events", atLeast(s.Events/4*2))); err != nil {
			s.Error(err)
		}
	}},
	{"stop", "Stop waits for the handler, after it none is called, and it may be called again.", nil, func(s *subject) {
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
			err := stop(s.soon())
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
		if err := stop(s.soon()); err != nil {
			s.Errorf("second stop: %v", err)
		}
		s.publish("k", "2")
	}},
	{"drain", "Close lets what was begun end, and is harmless twice and at once.", nil, func(s *subject) {
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
				if err := s.bus.Close(s.soon()); err != nil {
					s.Errorf("close: %v", err)
				}
			})
		}
		group.Wait()
		if begun.Load() != ended.Load() || !s.KeepsGroups && ended.Load() != 20 {
			s.Errorf("%d begun and %d ended of 20", begun.Load(), ended.Load())
		}
		if err := s.bus.Publish(s.soon(), s.topic, eventbus.Event{ID: "late"}); !errors.Is(err, fault.FailedPrecondition) {
			s.Errorf("publish on a closed bus: %v", err)
		}
		if _, err := s.bus.Subscribe(s.topic, "g", func(context.Context, eventbus.Event) error { return nil }); !errors.Is(err, fault.FailedPrecondition) {
			s.Errorf("subscribe on a closed bus: %v", err)
		}
	}},
	{"cut_short", "A drain whose time runs out cancels the handlers and says so.", nil, func(s *subject) {
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
	}},
	{"back_pressure", "Publish waits for slow handlers rather than pile up, ends with its context, and does not wait within a handler.", func(f Features) bool { return f.NoBackPressure }, func(s *subject) {
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
		before := int64(-1)
		for now := published.Load(); now != before; now = published.Load() {
			before = now
			<-time.After(50 * time.Millisecond)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			s.Errorf("publish ended with %v", err)
		}
		close(leave)
		if err := s.bus.Close(s.soon()); err != nil {
			s.Errorf("close: %v", err)
		}
	}},
	{"keeps_groups", "A group gets what was published while it had no members.", func(f Features) bool { return !f.KeepsGroups }, func(s *subject) {
		seen := newLog()
		if err := s.subscribe("g", seen.keep)(s.soon()); err != nil {
			s.Fatal(err)
		}
		s.publish("k", numbers(10)...)
		s.subscribe("g", seen.keep)
		if err := ordered(s.wait(seen, "ten events", atLeast(10))); err != nil {
			s.Error(err)
		}
	}},
	{"typed", "A topic carries its values, and dead letters, retries and duplicates are what they say.", nil, func(s *subject) {
		type order struct {
			ID    string   `json:"id"`
			Items []string `json:"items"`
		}
		placed := eventbus.Topic[order]{Name: s.topic, Key: func(o order) string { return o.ID }}
		dead, handled := newLog(), newLog()
		var tries atomic.Int64
		if _, err := s.bus.Subscribe(s.topic+"-dead", "g", dead.keep); err != nil {
			s.Fatal(err)
		}
		err := placed.Handle(s.bus, "g", func(ctx context.Context, o order) error {
			e, _ := eventbus.EventOf(ctx)
			if o.ID == "bad" {
				tries.Add(1)
				return errNotYet
			}
			if len(o.Items) != 1 || o.Items[0] != "shirt" {
				s.Errorf("got %+v", o)
			}
			handled.add(e)
			return nil
		}, eventbus.Dedupe(endpoint.NewMemoryStore(), "g"),
			eventbus.DeadLetter(s.bus, s.topic+"-dead"),
			eventbus.Retry{Attempts: 3, Backoff: time.Millisecond}.Middleware())
		if err != nil {
			s.Fatal(err)
		}
		for _, id := range []string{"bad", "good"} {
			if err := placed.Publish(s.soon(), s.bus, order{ID: id, Items: []string{"shirt"}}); err != nil {
				s.Fatal(err)
			}
		}
		if err := s.bus.Publish(s.soon(), s.topic, eventbus.Event{ID: "broken", Data: []byte(`{"id":`)}); err != nil {
			s.Fatal(err)
		}
		twice := s.wait(handled, "the good order", atLeast(1))[0]
		twice.Data = []byte(`{"id":"good","items":["shirt"]}`)
		if err := s.bus.Publish(s.soon(), s.topic, twice); err != nil {
			s.Fatal(err)
		}
		got := s.wait(dead, "two dead letters", atLeast(2))
		if tries.Load() != 3 {
			s.Errorf("%d tries, want 3", tries.Load())
		}
		for _, e := range got {
			if e.Extensions[eventbus.DeadTopic] != s.topic || e.Extensions[eventbus.DeadReason] == "" {
				s.Errorf("dead letter %+v", e)
			}
		}
		if err := s.bus.Close(s.soon()); err != nil {
			s.Fatal(err)
		}
		if n := len(handled.all()); n != 1 {
			s.Errorf("the same event was handled %d times", n)
		}
	}},
}
