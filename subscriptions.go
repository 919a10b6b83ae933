package sinew

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

// subscription is one that the service began or will begin when it starts.
type subscription struct {
	topic, group string
	handler      eventbus.Handler

	// With the service's lock.
	ended bool
	begun chan struct{} // closed when the bus has subscribed or refused; nil before it is asked

	stop func(context.Context) error // once begun; nil if the bus refused
	busy atomic.Int64                // handlers at work
}

// feed says that a handler of one topic has published to another.
type feed struct{ from, to string }

// Subscribe implements [eventbus.Subscriber] on Config.Bus. Before the service
// has started the subscription waits for Start. Each event is handled inside a
// span of the trace that it carries.
//
// Shutdown drains the subscriptions one after the other, in the order in which they
// depend on each other: a subscription whose handlers have published to topic B is
// drained before those of B. Otherwise those with a handler at work come first, then
// the oldest. So what a handler publishes meanwhile to a topic of the service is
// handled, too, unless the topics form a cycle. On a broker nothing is lost in any
// case: it waits for the next member of the group.
func (s *Service) Subscribe(topic, group string, h eventbus.Handler) (stop func(context.Context) error, err error) {
	if s.config.Bus == nil {
		return nil, fault.FailedPrecondition.Errorf("service %s has no bus to hear %s on; set Config.Bus", s.name, topic)
	}
	if h == nil {
		return nil, fault.InvalidArgument.Errorf("service %s: the handler of topic %s is nil", s.name, topic)
	}
	sub := &subscription{topic: topic, group: group}
	sub.handler = s.traced(topic, func(ctx context.Context, e eventbus.Event) error {
		sub.busy.Add(1)
		defer sub.busy.Add(-1)
		return h(ctx, e)
	})
	var started bool
	err = s.take(func() {
		s.subscriptions = append(s.subscriptions, sub)
		started = s.life.jobs != nil
	})
	if err == nil && started {
		err = s.beginSubscription(sub)
	}
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return s.endSubscription(ctx, sub) }, nil
}

// subscribed begins the subscriptions. A bus that does not answer is waited for until
// ctx ends, or the service is told to stop.
func (s *Service) subscribed(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-s.life.stops:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := within(ctx, "subscribing on Config.Bus", s.beginSubscriptions)
	if err != nil && s.life.stopping.Load() {
		return s.errStopped()
	}
	return err
}

func (s *Service) beginSubscriptions() error {
	for _, sub := range s.allSubscriptions() {
		if err := s.beginSubscription(sub); err != nil {
			return err
		}
	}
	return nil
}

// beginSubscription asks the bus, which may take its time, once.
func (s *Service) beginSubscription(sub *subscription) error {
	asked := false
	err := s.take(func() {
		if asked = sub.begun == nil && !sub.ended; asked {
			sub.begun = make(chan struct{})
		}
	})
	if err != nil || !asked {
		return err
	}
	sub.stop, err = s.config.Bus.Subscribe(sub.topic, sub.group, sub.handler)
	close(sub.begun)
	s.mu.Lock()
	ended := sub.ended
	s.mu.Unlock()
	if err == nil && !ended {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	_ = s.endSubscription(ctx, sub) // whoever ended it may wait no longer
	if err == nil {
		err = s.take(func() {})
	}
	return err
}

func (s *Service) endSubscriptions(ctx context.Context) error {
	var faults []error
	for left := s.allSubscriptions(); len(left) > 0; left = s.allSubscriptions() {
		faults = append(faults, s.endSubscription(ctx, s.nextToDrain(left)))
	}
	return errors.Join(faults...)
}

// nextToDrain is one that gets no more events from handlers of the others, as
// far as is known; see [Service.Subscribe].
func (s *Service) nextToDrain(left []*subscription) *subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	rank := func(sub *subscription) (r int) {
		if slices.ContainsFunc(left, func(other *subscription) bool { return s.fed[feed{other.topic, sub.topic}] }) {
			r += 2
		}
		if sub.busy.Load() == 0 {
			r++
		}
		return r
	}
	return slices.MinFunc(left, func(a, b *subscription) int { return rank(a) - rank(b) })
}

// feeds takes note that a handler of one topic publishes to another, where that
// is one of ours.
func (s *Service) feeds(from, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if from != to && s.subscribes(to) {
		s.fed[feed{from, to}] = true
	}
}

// endSubscription may be called more than once; each call waits.
func (s *Service) endSubscription(ctx context.Context, sub *subscription) error {
	s.mu.Lock()
	sub.ended = true
	begun := sub.begun
	s.mu.Unlock()
	defer s.dropSubscription(sub)
	if begun == nil {
		return nil
	}
	name := fmt.Sprintf("handling %s as group %q", sub.topic, sub.group)
	return within(ctx, name, func() error {
		<-begun
		if sub.stop == nil {
			return nil
		}
		if err := sub.stop(ctx); err != nil {
			return fault.CodeOf(err).Errorf("%s was cut off: %w", name, err)
		}
		return nil
	})
}

// dropSubscription forgets one that has ended.
func (s *Service) dropSubscription(sub *subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscriptions = slices.DeleteFunc(slices.Clone(s.subscriptions), func(other *subscription) bool { return other == sub })
	if !s.subscribes(sub.topic) {
		maps.DeleteFunc(s.fed, func(f feed, _ bool) bool { return f.from == sub.topic || f.to == sub.topic })
	}
}

// subscribes says that the service hears the topic. The lock is held.
func (s *Service) subscribes(topic string) bool {
	return slices.ContainsFunc(s.subscriptions, func(sub *subscription) bool { return sub.topic == topic })
}

func (s *Service) allSubscriptions() []*subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.subscriptions
}
