package sinew

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/tracing"
)

// maxText bounds what travels in a header, in bytes.
const maxText = 128

// traceParent is the extension in which an event carries its trace.
const traceParent = "traceparent"

// subscription is one that the service began or will begin when it starts.
type subscription struct {
	topic, group string
	handler      eventbus.Handler

	// With the service's lock.
	ended bool
	begun chan struct{} // closed when the bus has subscribed or refused; nil before it is asked

	stop func(context.Context) error // once begun; nil if the bus refused
}

// Publish implements [eventbus.Publisher] on Config.Bus: the events carry the
// trace of ctx, and the service's name as their source where they have none.
func (s *Service) Publish(ctx context.Context, topic string, events ...eventbus.Event) error {
	if s.config.Bus == nil {
		return fault.FailedPrecondition.Errorf("service %s has no bus to publish %s on; set Config.Bus", s.name, topic)
	}
	start := time.Now()
	ctx, span := s.config.Tracer.Start(ctx, "publish "+topic, tracing.Producer)
	traced := make([]eventbus.Event, len(events))
	for i, e := range events {
		if e.Source == "" {
			e.Source = s.name
		}
		if e.Extensions[traceParent] == "" { // an event from an outbox has its own
			e.Extensions = maps.Clone(e.Extensions)
			if e.Extensions == nil {
				e.Extensions = map[string]string{}
			}
			tracing.Formats{tracing.W3C}.Inject(ctx, tracing.Map(e.Extensions))
		}
		traced[i] = e
	}
	err := s.config.Bus.Publish(ctx, topic, traced...)
	span.End(err)
	s.metrics.Client("bus", "publish "+topic).Observe(time.Since(start), err)
	return err
}

// Subscribe implements [eventbus.Subscriber] on Config.Bus. Before the service
// has started the subscription waits for Start; it is drained at Shutdown. Each
// event is handled inside a span of the trace that it carries.
func (s *Service) Subscribe(topic, group string, h eventbus.Handler) (stop func(context.Context) error, err error) {
	if s.config.Bus == nil {
		return nil, fault.FailedPrecondition.Errorf("service %s has no bus to hear %s on; set Config.Bus", s.name, topic)
	}
	sub := &subscription{topic: topic, group: group, handler: s.traced(topic, h)}
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

func (s *Service) traced(topic string, h eventbus.Handler) eventbus.Handler {
	recorder := s.metrics.Server(s.name, "handle "+topic)
	return func(ctx context.Context, e eventbus.Event) (err error) {
		start := time.Now()
		ctx, span := s.config.Tracer.Start(tracing.Extract(ctx, tracing.Map(e.Extensions)), "handle "+topic, tracing.Consumer)
		ctx, _ = endpoint.WithCall(ctx, endpoint.Call{
			Operation: endpoint.Operation{Service: s.name, Name: "handle " + topic, Safe: true},
			From:      e.Source, Start: start, RequestID: requestID(e),
		})
		err = errPanicked
		defer func() {
			span.End(err)
			recorder.Observe(time.Since(start), err)
		}()
		err = h(ctx, e)
		return err
	}
}

// requestID is the event's id, or a new one where no header could carry that.
func requestID(e eventbus.Event) string {
	if portable(e.ID) {
		return e.ID
	}
	return rand.Text()
}

// portable says that text can travel in a header: it is short, and of printable
// ASCII.
func portable(text string) bool {
	return text != "" && len(text) <= maxText && !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' })
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
	for _, sub := range s.allSubscriptions() {
		faults = append(faults, s.endSubscription(ctx, sub))
	}
	return errors.Join(faults...)
}

// endSubscription may be called more than once; each call waits.
func (s *Service) endSubscription(ctx context.Context, sub *subscription) error {
	s.mu.Lock()
	sub.ended = true
	begun := sub.begun
	s.subscriptions = slices.DeleteFunc(slices.Clone(s.subscriptions), func(other *subscription) bool { return other == sub })
	s.mu.Unlock()
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

func (s *Service) allSubscriptions() []*subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.subscriptions // replaced, never changed
}
