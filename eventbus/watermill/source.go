package watermill

import (
	"context"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/sinew-go/sinew/internal/backoff"
)

// The pauses before a message is nacked.
const (
	shortestPause = 100 * time.Millisecond
	longestPause  = 10 * time.Second
)

// maxFailing is the number of failing messages that a source knows. When there are more,
// it starts anew: most are redelivered elsewhere.
const maxFailing = 1000

// source is a subscription of Watermill, and the members that share it.
type source struct {
	bus          *Bus
	topic, group string
	messages     <-chan *message.Message
	cancel       context.CancelFunc
	members      int // guarded by the lock of the bus

	mu      sync.Mutex
	failing map[string]failing // by ID of the event
	pausing map[*message.Message]*time.Timer
}

// failing is what a source knows of an event whose handler failed.
type failing struct {
	count int
	pause time.Duration
}

// newSource returns a source with one member.
func newSource(b *Bus, topic, group string, subscriber message.Subscriber) (*source, error) {
	ctx, cancel := context.WithCancel(context.Background())
	messages, err := subscriber.Subscribe(ctx, topic)
	if err != nil {
		cancel()
		return nil, failure(topic, err)
	}
	return &source{
		bus: b, topic: topic, group: group, messages: messages, cancel: cancel, members: 1,
		failing: map[string]failing{}, pausing: map[*message.Message]*time.Timer{},
	}, nil
}

func (s *source) failuresOf(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failing[id].count
}

func (s *source) ack(m *message.Message, id string) {
	s.mu.Lock()
	delete(s.failing, id)
	s.mu.Unlock()
	m.Ack()
}

// nackLater nacks a message after the pause that it returns.
func (s *source) nackLater(m *message.Message, id string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.failing[id]
	f.count++
	f.pause = backoff.Policy{Min: shortestPause, Max: longestPause}.Next(f.pause)
	if len(s.failing) >= maxFailing {
		clear(s.failing)
	}
	s.failing[id] = f
	s.pausing[m] = time.AfterFunc(f.pause, func() {
		s.mu.Lock()
		delete(s.pausing, m)
		s.mu.Unlock()
		m.Nack()
	})
	return f.pause
}

// end ends the subscription of Watermill, after the last member. It nacks what nobody
// handles, so that the subscriber need not wait for it.
func (s *source) end() {
	s.cancel()
	s.mu.Lock()
	for m, timer := range s.pausing {
		timer.Stop()
		m.Nack()
	}
	clear(s.pausing)
	s.mu.Unlock()
	for m := range s.messages {
		m.Nack()
	}
}
