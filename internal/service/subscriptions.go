package service

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

// undoTimeout bounds how long a subscription may take to end that nobody wants any more
// once the bus has made it.
const undoTimeout = 30 * time.Second

// Subscriptions are those that a service has on its bus, or will have when it starts.
type Subscriptions struct {
	state *RunState
	bus   eventbus.Bus

	mu    sync.Mutex
	all   []*subscription // replaced, never changed
	edges map[edge]bool
}

type subscription struct {
	topic, group string
	handler      eventbus.Handler
	inFlight     atomic.Int64 // handlers at work

	// Guarded by Subscriptions.mu.
	stopRequested bool
	subscribed    chan struct{} // closed once the bus has subscribed or refused; nil before the bus is asked

	stop func(context.Context) error // valid once subscribed is closed; nil if the bus refused
}

// edge records that a handler of one topic has published to another.
type edge struct{ from, to string }

// NewSubscriptions returns the subscriptions of a service that has none.
func NewSubscriptions(state *RunState, bus eventbus.Bus) *Subscriptions {
	return &Subscriptions{state: state, bus: bus, edges: map[edge]bool{}}
}

// Add adds a subscription: at once if the service has been started, else when it starts. It
// refuses once the service stops. stop may be called several times; each call waits.
func (s *Subscriptions) Add(topic, group string, h eventbus.Handler) (stop func(context.Context) error, err error) {
	sub := &subscription{topic: topic, group: group}
	sub.handler = func(ctx context.Context, e eventbus.Event) error {
		sub.inFlight.Add(1)
		defer sub.inFlight.Add(-1)
		return h(ctx, e)
	}
	started, err := s.add(sub)
	if err == nil && started {
		err = s.subscribe(sub)
	}
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return s.end(ctx, sub) }, nil
}

func (s *Subscriptions) add(sub *subscription) (started bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.state.Err(); err != nil {
		return false, err
	}
	s.all = append(s.all, sub)
	return s.state.IsStarted(), nil
}

// Groups yields each topic with each of its groups that has a name, once.
func (s *Subscriptions) Groups() iter.Seq2[string, string] {
	return func(yield func(topic, group string) bool) {
		type name struct{ topic, group string }
		had := map[name]bool{}
		for _, sub := range s.snapshot() {
			n := name{sub.topic, sub.group}
			if sub.group == "" || had[n] {
				continue
			}
			if had[n] = true; !yield(sub.topic, sub.group) {
				return
			}
		}
	}
}

// AddEdge records that a handler of topic from publishes to topic to, if there is a
// subscription to that.
func (s *Subscriptions) AddEdge(from, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if from != to && s.has(to) {
		s.edges[edge{from, to}] = true
	}
}

// Start subscribes. It waits for a bus that does not answer until ctx ends or the service
// stops.
func (s *Subscriptions) Start(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-s.state.Stopping():
			cancel()
		case <-ctx.Done():
		}
	}()
	err := Within(ctx, "subscribing on Config.Bus", s.subscribeAll)
	if err != nil && s.state.IsStopping() {
		return s.state.errStopped()
	}
	return err
}

func (s *Subscriptions) subscribeAll() error {
	for _, sub := range s.snapshot() {
		if err := s.subscribe(sub); err != nil {
			return err
		}
	}
	return nil
}

// subscribe asks the bus, once. The bus may block, so that no lock is held meanwhile.
func (s *Subscriptions) subscribe(sub *subscription) error {
	asked, err := s.claim(sub)
	if err != nil || !asked {
		return err
	}
	sub.stop, err = s.bus.Subscribe(sub.topic, sub.group, sub.handler)
	close(sub.subscribed)
	s.mu.Lock()
	ended := sub.stopRequested
	s.mu.Unlock()
	if err == nil && !ended {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), undoTimeout)
	defer cancel()
	_ = s.end(ctx, sub) // whoever stopped it may have given up waiting
	if err != nil {
		return err
	}
	return s.state.Err()
}

// claim reports whether the caller is to ask the bus for sub.
func (s *Subscriptions) claim(sub *subscription) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.state.Err(); err != nil {
		return false, err
	}
	if sub.subscribed != nil || sub.stopRequested {
		return false, nil
	}
	sub.subscribed = make(chan struct{})
	return true, nil
}

// Stop drains the subscriptions one after another: one whose handlers have published to
// topic B before those of B. Otherwise those with a handler at work come first, then the
// oldest. It reports whether there was any.
func (s *Subscriptions) Stop(ctx context.Context) (had bool, err error) {
	var faults []error
	for left := s.snapshot(); len(left) > 0; left = s.snapshot() {
		had = true
		faults = append(faults, s.end(ctx, s.nextToDrain(left)))
	}
	return had, errors.Join(faults...)
}

// nextToDrain returns a subscription to which, as far as is known, no other one's handlers
// publish.
func (s *Subscriptions) nextToDrain(left []*subscription) *subscription {
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

// end ends a subscription and waits for its handlers, as long as ctx allows. It may be
// called several times; each call waits.
func (s *Subscriptions) end(ctx context.Context, sub *subscription) error {
	s.mu.Lock()
	sub.stopRequested = true
	subscribed := sub.subscribed
	s.mu.Unlock()
	defer s.remove(sub)
	if subscribed == nil {
		return nil
	}
	name := fmt.Sprintf("handling %s as group %q", sub.topic, sub.group)
	return Within(ctx, name, func() error {
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

// remove removes a subscription that has ended, and the edges that mattered for it only.
func (s *Subscriptions) remove(sub *subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = slices.DeleteFunc(slices.Clone(s.all), func(other *subscription) bool { return other == sub })
	if !s.has(sub.topic) {
		maps.DeleteFunc(s.edges, func(e edge, _ bool) bool { return e.from == sub.topic || e.to == sub.topic })
	}
}

// has reports whether there is a subscription to the topic. The caller holds the lock.
func (s *Subscriptions) has(topic string) bool {
	return slices.ContainsFunc(s.all, func(sub *subscription) bool { return sub.topic == topic })
}

func (s *Subscriptions) snapshot() []*subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all
}
