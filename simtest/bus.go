package simtest

import (
	"context"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/eventbus"
)

var _ eventbus.Subscriber = (*Instance)(nil)

// stopFunc ends a subscription.
type stopFunc = func(context.Context) error

// drainTimeout is how long a run waits at its end for events to be handled.
const drainTimeout = 30 * time.Second

// Subscribe implements [eventbus.Subscriber] on the world's bus, until the instance ends.
// Events that a killed instance was handling are redelivered to another member of the
// group. Call it in Service.Start.
func (i *Instance) Subscribe(topic, group string, h eventbus.Handler) (func(context.Context) error, error) {
	inc := i.currentIncarnation()
	end, err := i.run.bus.Subscribe(topic, group, func(ctx context.Context, e eventbus.Event) error {
		ctx = call.With(ctx, call.Record{
			Operation: call.Operation{Service: i.service.Name, Name: "handle " + topic, Safe: true},
			From:      e.Source, Start: time.Now(), RequestID: e.ID, Inbound: true,
		})
		err := h(ctx, e)
		if inc.isKilled() {
			return errKilled
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	inc.stops = append(inc.stops, end)
	return end, nil
}

// unsubscribe ends the subscriptions of an incarnation; those of a killed one end at
// once.
func (i *Instance) unsubscribe(inc *incarnation) {
	i.mu.Lock()
	stops := inc.stops
	i.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if inc.isKilled() {
		cancel()
	}
	for _, end := range stops {
		_ = end(ctx) // the error of ctx
	}
}
