package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"runtime/debug"
	"sync"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/eventtrace"
)

// maxAtOnce is how many events are published at once.
const maxAtOnce = 64

// round publishes one batch.
type round struct {
	outbox *Outbox

	mu        sync.Mutex
	accepted  []int64          // the events that the bus has accepted
	published map[string]bool  // their topics
	failed    map[string]error // why a topic failed
	refused   []refusal        // the events that the bus will never accept
}

// refusal is an event that can never be published, and why.
type refusal struct {
	row
	reason error
}

// line are events that are published one after the other.
type line struct {
	topic  string
	rows   []row
	events []eventbus.Event
}

// publish publishes the events: those of one key one after the other, others at the same
// time.
func (r *round) publish(ctx context.Context, batch []row) {
	var all sync.WaitGroup
	places := make(chan struct{}, maxAtOnce)
	for _, l := range r.lines(batch) {
		places <- struct{}{}
		all.Go(func() {
			r.publishLine(ctx, l)
			<-places
		})
	}
	all.Wait()
}

// lines distributes the events by topic and key. An event that cannot be read is refused.
func (r *round) lines(batch []row) []*line {
	type key struct{ topic, key string }
	var all []*line
	byKey := map[key]*line{}
	for _, one := range batch {
		var e eventbus.Event
		if err := json.Unmarshal(one.event, &e); err != nil {
			r.refused = append(r.refused, refusal{one, err})
			continue
		}
		l := byKey[key{one.topic, e.Key}]
		if l == nil || e.Key == "" {
			l = &line{topic: one.topic}
			all, byKey[key{one.topic, e.Key}] = append(all, l), l
		}
		l.rows, l.events = append(l.rows, one), append(l.events, e)
	}
	return all
}

// publishLine publishes events of one key, until one fails for a reason that may pass.
func (r *round) publishLine(ctx context.Context, l *line) {
	for i, e := range l.events {
		if ctx.Err() != nil || r.hasFailed(l.topic) {
			return
		}
		if !r.note(l.rows[i], r.publishOne(ctx, l.topic, e)) {
			return
		}
	}
}

// publishOne publishes an event. A panic of the bus is a failure of the topic.
func (r *round) publishOne(ctx context.Context, topic string, e eventbus.Event) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.outbox.config.Logger.ErrorContext(ctx, "the bus panicked", "table", r.outbox.config.Table, "topic", topic, "event", e.ID, "panic", p, "stack", string(debug.Stack()))
			err = fault.Internal.Errorf("outbox %s, topic %s: the bus panicked", r.outbox.config.Table, topic)
		}
	}()
	return r.outbox.config.Bus.Publish(eventtrace.Extract(ctx, e), topic, e)
}

func (r *round) hasFailed(topic string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed[topic] != nil
}

// note notes the result of one publication, and reports whether the next event of the key
// may follow.
func (r *round) note(one row, err error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.accepted = append(r.accepted, one.n)
		r.published[one.topic] = true
	case errors.Is(err, fault.InvalidArgument) && !fault.IsUnprocessed(err):
		r.refused = append(r.refused, refusal{one, err})
	default:
		r.failed[one.topic] = err
		return false
	}
	return true
}
