package eventbus

import (
	"context"
	"time"
)

// Handler handles one event. Nil means that the event is handled; after an error or a
// panic it is redelivered.
type Handler func(ctx context.Context, e Event) error

// Publisher publishes events. It is safe for concurrent use.
type Publisher interface {
	// Publish accepts the events in order. If it returns nil, they will be delivered. An
	// event without ID, Source, Type or Time gets the values of [Event.WithDefaults]. After
	// an error some of the events may have been accepted: publishing the same events again
	// is safe for handlers that recognize an event by its ID.
	Publish(ctx context.Context, topic string, events ...Event) error
}

// Subscriber subscribes to topics. It is safe for concurrent use.
type Subscriber interface {
	// Subscribe calls h for the events of the topic, one at a time. The members of a
	// group share the events; a subscription with the group "" gets all of them.
	//
	// stop ends the subscription and waits for a call of h that is running. When ctx ends
	// first, the context of that call is cancelled and stop returns the error of ctx, or an
	// error that wraps it. A ctx that can never end, such as context.Background(), counts
	// as ended after [EndTimeout]. h must not call stop or Close except in a new goroutine,
	// because they wait for h. A nil h is fault.InvalidArgument.
	Subscribe(topic, group string, h Handler) (stop func(ctx context.Context) error, err error)
}

// Bus is a [Publisher] and a [Subscriber] that can be closed.
type Bus interface {
	Publisher
	Subscriber
	// Close ends all subscriptions. Waiting events that the bus would lose are delivered
	// first. When ctx ends first, the contexts of the handlers are cancelled, and Close
	// returns the error of ctx, or an error that wraps it. A ctx that can never end, such
	// as context.Background(), counts as ended after [EndTimeout], because a handler that
	// always fails would block Close forever. Handlers may publish while Close waits; any
	// other use of the bus is fault.FailedPrecondition.
	Close(ctx context.Context) error
}

// EndTimeout limits how long the Close of a [Bus], and the function stop that Subscribe
// returns, wait if their context can never end.
const EndTimeout = 30 * time.Second

// Replayer is a [Bus] that stores events for groups that subscribe later. [Redrive] needs
// one, or a [Memory].
type Replayer interface {
	Bus
	// SubscribeFromStart does what Subscribe does, except that a new group begins with the
	// oldest event that is stored. A group that exists continues where it was.
	SubscribeFromStart(topic, group string, h Handler) (stop func(ctx context.Context) error, err error)
	LagReporter
}

// LagReporter is a [Bus] that counts what waits for a group.
type LagReporter interface {
	// Lag returns what waits for the group. It is fault.NotFound if there is no such group.
	Lag(ctx context.Context, topic, group string) (Lag, error)
}

// Lag is what waits for a group.
type Lag struct {
	// Events is the number of events that the group has not handled, those included that are
	// being handled.
	Events int64
	// Oldest is how long ago the oldest of them was published, 0 if the bus does not know.
	Oldest time.Duration
}
