package simtest

import (
	"context"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
)

var _ eventbus.Subscriber = (*Instance)(nil)

// stop ends a subscription.
type stop = func(context.Context) error

// busPatience is how long the run waits in the end for events to be handled.
const busPatience = 30 * time.Second

// Subscribe implements [eventbus.Subscriber] on the world's bus, for as long as
// the instance lives: what a killed one was handling is delivered again, to
// another one of the group. Call it in a service's Start.
func (i *Instance) Subscribe(topic, group string, h eventbus.Handler) (func(context.Context) error, error) {
	l := i.lives()
	end, err := i.run.bus.Subscribe(topic, group, func(ctx context.Context, e eventbus.Event) error {
		ctx, _ = endpoint.WithCall(ctx, endpoint.Call{
			Operation: endpoint.Operation{Service: i.service.Name, Name: "handle " + topic, Safe: true},
			From:      e.Source, Start: time.Now(), RequestID: e.ID, Inbound: true,
		})
		err := h(ctx, e)
		if l.ended() {
			return errKilled
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	l.stops = append(l.stops, end)
	return end, nil
}

// unsubscribe ends what a life subscribed to; a killed one ends at once.
func (i *Instance) unsubscribe(l *life) {
	i.mu.Lock()
	stops := l.stops
	i.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if l.ended() {
		cancel()
	}
	for _, end := range stops {
		_ = end(ctx) // the error of a context that is over
	}
}
