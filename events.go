package sinew

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/tracing"
)

// traceParent is the extension in which an event carries its trace.
const traceParent = "traceparent"

// subscription is one that the service began or will begin when it starts.
type subscription struct {
	topic, group string
	handler      eventbus.Handler
	stop         func(context.Context) error
	ended        bool
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
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.jobs != nil {
		if sub.stop, err = s.config.Bus.Subscribe(topic, group, sub.handler); err != nil {
			return nil, err
		}
	}
	s.subscriptions = append(s.subscriptions, sub)
	return func(ctx context.Context) error { return s.endSubscription(ctx, sub) }, nil
}

func (s *Service) traced(topic string, h eventbus.Handler) eventbus.Handler {
	recorder := s.metrics.Server(s.name, "handle "+topic)
	return func(ctx context.Context, e eventbus.Event) (err error) {
		start := time.Now()
		ctx, span := s.config.Tracer.Start(tracing.Extract(ctx, tracing.Map(e.Extensions)), "handle "+topic, tracing.Consumer)
		ctx, _ = endpoint.WithCall(ctx, endpoint.Call{
			Operation: endpoint.Operation{Service: s.name, Name: "handle " + topic, Safe: true},
			From:      e.Source, Start: start, RequestID: e.ID,
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

func (s *Service) beginSubscriptions() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subscriptions {
		if sub.ended {
			continue
		}
		stop, err := s.config.Bus.Subscribe(sub.topic, sub.group, sub.handler)
		if err != nil {
			return err
		}
		sub.stop = stop
	}
	return nil
}

func (s *Service) endSubscriptions(ctx context.Context) error {
	s.mu.Lock()
	all := s.subscriptions
	s.mu.Unlock()
	var faults []error
	for _, sub := range all {
		faults = append(faults, s.endSubscription(ctx, sub))
	}
	return errors.Join(faults...)
}

func (s *Service) endSubscription(ctx context.Context, sub *subscription) error {
	s.mu.Lock()
	stop := sub.stop
	sub.stop, sub.ended = nil, true
	s.mu.Unlock()
	if stop == nil {
		return nil
	}
	name := fmt.Sprintf("handling %s as group %q", sub.topic, sub.group)
	return within(ctx, name, func() error {
		if err := stop(ctx); err != nil {
			return fault.CodeOf(err).Errorf("%s was cut off: %w", name, err)
		}
		return nil
	})
}
