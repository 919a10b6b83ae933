package watermill

import (
	"context"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

// errEnded makes the bus redeliver a message, to another subscriber.
var errEnded = fault.Unavailable.Errorf("the subscriber has ended").WithUnprocessed()

// subscription is one subscriber of a topic.
type subscription struct {
	messages chan *message.Message
	begun    chan struct{} // closed by Subscribe
	ending   chan struct{} // closed when no more messages are wanted
	ended    chan struct{} // closed after messages

	mu       sync.Mutex
	ctx      context.Context // of Subscribe
	stop     func(context.Context) error
	closed   bool
	handlers sync.WaitGroup
}

// begin hands out messages, whose contexts are in ctx.
func (s *subscription) begin(ctx context.Context) {
	s.ctx = ctx
	close(s.begun)
}

// handle hands out one message and waits until it is acked or nacked.
func (s *subscription) handle(ctx context.Context, e eventbus.Event) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errEnded
	}
	s.handlers.Add(1)
	s.mu.Unlock()
	defer s.handlers.Done()
	select {
	case <-s.begun:
	case <-s.ending:
		return errEnded
	}
	m := Message(e)
	own, cancel := context.WithCancel(eventbus.ContextWithEvent(s.ctx, e, eventbus.DeliveryOf(ctx)))
	defer cancel()
	m.SetContext(own)
	select {
	case s.messages <- m:
	case <-s.ending:
		return errEnded
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-m.Acked():
		return nil
	case <-m.Nacked():
		return errNacked
	case <-s.ending:
		return s.last(m, errEnded)
	case <-ctx.Done():
		return s.last(m, ctx.Err())
	}
}

// last is nil if a message was acked before the end that err says, though both are known
// at once.
func (*subscription) last(m *message.Message, err error) error {
	select {
	case <-m.Acked():
		return nil
	default:
		return err
	}
}

// end stops the subscription on the bus. Its messages that wait are for other members of
// the group, and come again.
func (s *subscription) end() {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	stop := s.stop
	s.mu.Unlock()
	if !first {
		<-s.ended
		return
	}
	close(s.ending)
	if stop != nil {
		_ = stop(s.cut())
	}
	s.handlers.Wait()
	close(s.messages)
	close(s.ended)
}

// cut returns a context that has ended: the handler ends at once, and there is nothing to
// wait for.
func (*subscription) cut() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
