package eventbustest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

// closing is how subscriptions and buses end.
var closing = []rule{
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
}
