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

// subscription is one that the service has started, or starts with itself.
type subscription struct {
	topic, group string
	handler      eventbus.Handler

	// Guarded by the service's lock.
	stopRequested bool
	subscribed    chan struct{} // closed once the bus has subscribed or refused; nil before the bus is asked

	stop     func(context.Context) error // valid once subscribed is closed; nil if the bus refused
	inFlight atomic.Int64                // handlers at work
}

// edge records that a handler of one topic has published to another.
type edge struct{ from, to string }

// Subscribe implements [eventbus.Subscriber] on Config.Bus. Before Start it only records
// the subscription. Each event is handled inside a span of the trace that it carries.
//
// Shutdown drains the subscriptions one after another, in dependency order: a subscription
// whose handlers have published to topic B is drained before those of B. Otherwise those
// with a handler at work come first, then the oldest. So whatever a handler publishes
// meanwhile to a topic of the service is handled, too, unless the topics form a cycle. On
// a broker nothing is lost in any case: it waits for the next member of the group.
func (s *Service) Subscribe(topic, group string, h eventbus.Handler) (stop func(context.Context) error, err error) {
	if s.config.Bus == nil {
		return nil, fault.FailedPrecondition.Errorf("service %s has no bus to hear %s on; set Config.Bus", s.name, topic)
	}
	if h == nil {
		return nil, fault.InvalidArgument.Errorf("service %s: the handler of topic %s is nil", s.name, topic)
	}
	sub := &subscription{topic: topic, group: group}
	sub.handler = s.traced(topic, func(ctx context.Context, e eventbus.Event) error {
		sub.inFlight.Add(1)
		defer sub.inFlight.Add(-1)
		return h(ctx, e)
	})
	var started bool
	err = s.ifRunning(func() {
		s.subscriptions = append(s.subscriptions, sub)
		started = s.state.jobContext != nil
	})
	if err == nil && started {
		err = s.startSubscription(sub)
	}
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return s.stopSubscription(ctx, sub) }, nil
}

// startSubscriptions starts all subscriptions. It waits for a bus that does not answer
// until ctx ends or Shutdown is called.
func (s *Service) startSubscriptions(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-s.state.stopSignal:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := runWithin(ctx, "subscribing on Config.Bus", s.startAllSubscriptions)
	if err != nil && s.state.stopping.Load() {
		return s.errStopped()
	}
	return err
}

func (s *Service) startAllSubscriptions() error {
	for _, sub := range s.allSubscriptions() {
		if err := s.startSubscription(sub); err != nil {
			return err
		}
	}
	return nil
}

// startSubscription asks the bus to subscribe, once. The bus may block.
func (s *Service) startSubscription(sub *subscription) error {
	asked := false
	err := s.ifRunning(func() {
		if asked = sub.subscribed == nil && !sub.stopRequested; asked {
			sub.subscribed = make(chan struct{})
		}
	})
	if err != nil || !asked {
		return err
	}
	sub.stop, err = s.config.Bus.Subscribe(sub.topic, sub.group, sub.handler)
	close(sub.subscribed)
	s.mu.Lock()
	ended := sub.stopRequested
	s.mu.Unlock()
	if err == nil && !ended {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	_ = s.stopSubscription(ctx, sub) // whoever stopped it may have given up waiting
	if err == nil {
		err = s.ifRunning(func() {})
	}
	return err
}

func (s *Service) stopSubscriptions(ctx context.Context) error {
	var faults []error
	for left := s.allSubscriptions(); len(left) > 0; left = s.allSubscriptions() {
		faults = append(faults, s.stopSubscription(ctx, s.nextToDrain(left)))
	}
	return errors.Join(faults...)
}

// nextToDrain returns a subscription to which, as far as is known, no other one's handlers
// publish; see [Service.Subscribe].
func (s *Service) nextToDrain(left []*subscription) *subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	rank := func(sub *subscription) (r int) {
		if slices.ContainsFunc(left, func(other *subscription) bool { return s.edges[edge{other.topic, sub.topic}] }) {
			r += 2
		}
		if sub.inFlight.Load() == 0 {
			r++
		}
		return r
	}
	return slices.MinFunc(left, func(a, b *subscription) int { return rank(a) - rank(b) })
}

// addEdge records that a handler of topic from publishes to topic to, if the service
// subscribes to that.
func (s *Service) addEdge(from, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if from != to && s.hasSubscription(to) {
		s.edges[edge{from, to}] = true
	}
}

// stopSubscription may be called several times; each call waits.
func (s *Service) stopSubscription(ctx context.Context, sub *subscription) error {
	s.mu.Lock()
	sub.stopRequested = true
	subscribed := sub.subscribed
	s.mu.Unlock()
	defer s.removeSubscription(sub)
	if subscribed == nil {
		return nil
	}
	name := fmt.Sprintf("handling %s as group %q", sub.topic, sub.group)
	return runWithin(ctx, name, func() error {
		<-subscribed
		if sub.stop == nil {
			return nil
		}
		if err := sub.stop(ctx); err != nil {
			return fault.CodeOf(err).Errorf("%s was cut off: %w", name, err)
		}
		return nil
	})
}

// removeSubscription removes one that has stopped, and the edges that mattered for it
// only.
func (s *Service) removeSubscription(sub *subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscriptions = slices.DeleteFunc(slices.Clone(s.subscriptions), func(other *subscription) bool { return other == sub })
	if !s.hasSubscription(sub.topic) {
		maps.DeleteFunc(s.edges, func(f edge, _ bool) bool { return f.from == sub.topic || f.to == sub.topic })
	}
}

// hasSubscription reports whether the service subscribes to the topic. The caller holds
// the lock.
func (s *Service) hasSubscription(topic string) bool {
	return slices.ContainsFunc(s.subscriptions, func(sub *subscription) bool { return sub.topic == topic })
}

func (s *Service) allSubscriptions() []*subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.subscriptions
}
