package sinew

import (
	"context"
	"crypto/rand"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/eventtrace"
	"github.com/sinew-go/sinew/internal/headertext"
	"github.com/sinew-go/sinew/tracing"
)

// handlingPrefix is the prefix of an event handler's operation; the topic follows.
const handlingPrefix = "handle "

// Publish implements [eventbus.Publisher] on Config.Bus. It adds the trace of ctx to the
// events, and the service's name as the source of those that have none.
func (s *Service) Publish(ctx context.Context, topic string, events ...eventbus.Event) error {
	return s.publish(ctx, topic, events, func(ctx context.Context, traced []eventbus.Event) error {
		err := s.config.Bus.Publish(ctx, topic, traced...)
		if err == nil {
			s.unheard.count(s, topic, len(events))
		}
		return err
	})
}

// PublishAt implements [eventbus.Scheduler] as Publish does, if Config.Bus is one.
func (s *Service) PublishAt(ctx context.Context, topic string, due time.Time, events ...eventbus.Event) error {
	return s.publish(ctx, topic, events, func(ctx context.Context, traced []eventbus.Event) error {
		return eventbus.PublishAt(ctx, s.config.Bus, topic, due, traced...)
	})
}

// publish passes the events to the bus by send, with trace and source.
func (s *Service) publish(ctx context.Context, topic string, events []eventbus.Event, send func(context.Context, []eventbus.Event) error) error {
	if s.config.Bus == nil {
		return fault.FailedPrecondition.Errorf("service %s has no bus to publish %s on; set Config.Bus", s.name, topic)
	}
	if r := call.Of(ctx); r != nil && r.Service == s.name {
		if from, ok := strings.CutPrefix(r.Name, handlingPrefix); ok {
			s.subscriptions.AddEdge(from, topic)
		}
	}
	start := time.Now()
	ctx, span := s.config.Tracer.Start(ctx, "publish "+topic, tracing.Producer)
	traced := make([]eventbus.Event, len(events))
	for i, e := range events {
		if e.Source == "" {
			e.Source = s.name
		}
		traced[i] = eventtrace.Inject(ctx, e)
	}
	err := send(ctx, traced)
	span.End(err)
	s.metrics.Producer(s.name, topic).Observe(time.Since(start), err)
	return err
}

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
		return nil, fault.FailedPrecondition.Errorf("service %s has no bus to subscribe to %s on; set Config.Bus", s.name, topic)
	}
	if h == nil {
		return nil, fault.InvalidArgument.Errorf("service %s: the handler of topic %s is nil", s.name, topic)
	}
	return s.subscriptions.Add(topic, group, s.traced(topic, group, h))
}

// traced runs h with a span, metrics and a call record.
func (s *Service) traced(topic, group string, h eventbus.Handler) eventbus.Handler {
	name := handlingPrefix + topic
	recorder := s.metrics.Consumer(s.name, topic, group)
	return func(ctx context.Context, e eventbus.Event) (err error) {
		start := time.Now()
		ctx, span := s.config.Tracer.Start(eventtrace.Extract(ctx, e), name, tracing.Consumer)
		ctx = call.With(ctx, call.Record{
			Operation: call.Operation{Service: s.name, Name: name, Safe: true},
			From:      e.Source, Start: start, Inbound: true, RequestID: requestID(e),
		})
		eventbus.LogTo(ctx, s.config.Logger)
		err = errPanicked
		defer func() {
			span.End(err)
			d := eventbus.DeliveryOf(ctx)
			recorder.Observe(time.Since(start), err, d.Number, d.PutAside)
		}()
		err = h(ctx, e)
		return err
	}
}

// requestID returns the event's id, or a new one if a header could not carry that.
func requestID(e eventbus.Event) string {
	if headertext.OrEmpty(e.ID) != "" {
		return e.ID
	}
	return rand.Text()
}

// maxUnheardTopics is how many topics have a count of their own: as many as package
// metrics distinguishes.
const maxUnheardTopics = 1000

// unheardCounter counts the events that were published while nobody subscribed to their
// topic, on a bus that does not store events for later subscribers.
type unheardCounter struct {
	mu      sync.Mutex
	byTopic map[string]int64 // by topic
}

func (u *unheardCounter) count(s *Service, topic string, events int) {
	bus, ok := s.config.Bus.(interface{ Hears(topic string) bool })
	if !ok || events == 0 || bus.Hears(topic) {
		return
	}
	if u.add(topic, events) {
		s.config.Logger.Info("no group subscribes to the topic: what is published is lost", "service", s.name, "topic", topic)
	}
}

// add reports whether the topic is a new one. Beyond maxUnheardTopics all are counted as
// one, "other".
func (u *unheardCounter) add(topic string, events int) (added bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.byTopic == nil {
		u.byTopic = map[string]int64{}
	}
	if _, known := u.byTopic[topic]; !known {
		if added = len(u.byTopic) < maxUnheardTopics; !added {
			topic = "other"
		}
	}
	u.byTopic[topic] += int64(events)
	return added
}

// snapshot returns the number of events by topic.
func (u *unheardCounter) snapshot() map[string]int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.byTopic)
}
