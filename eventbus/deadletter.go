package eventbus

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"unicode"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
)

// The extensions of an event that [DeadLetter] put aside.
const (
	// DeadTopic is the topic that it came from: its Type.
	DeadTopic = "deadlettertopic"
	// DeadReason is the error of its handler, as a line of text.
	DeadReason = "deadletterreason"
	// DeadID is the ID that it had when it was first put aside.
	DeadID = "deadletterid"
)

// maxReason bounds DeadReason, in bytes.
const maxReason = 1024

// DeadLetter publishes an event whose handler failed to another topic, with the
// reason in its extensions, logs that, and counts it as handled. Put [Retry] inside
// of it and [Dedupe] around it. When the event cannot be put aside, or the failure
// is that the bus is being closed, the event comes again instead. In front of
// anything but a handler it does nothing. It panics when p, topic or one of which is
// missing.
//
// Nothing brings a dead letter back but an operator. So only what can never work
// should be put aside: which says of a failure whether it is that, and an event with
// any other failure comes again, for as long as it takes, holding up the events of
// its key. [Hopeless] is right where a handler may fail for a time: its disk is full,
// what it calls is down. Without any which, every failure is put aside, even one that
// passes: that is for events which can be missed, or which somebody who follows the
// dead letters puts back.
//
// A dead letter has an ID of its own, since several groups may put the same event
// aside. On a [Memory] bus it is gone unless somebody subscribes to its topic. To
// put it back when the cause is repaired, publish it as it is to its [DeadTopic]:
// every group gets it, and Dedupe has those handle it that have not yet.
func DeadLetter(p Publisher, topic string, which ...func(error) bool) endpoint.Middleware {
	if absent.Is(p) || topic == "" || slices.ContainsFunc(which, func(is func(error) bool) bool { return is == nil }) {
		panic("eventbus.DeadLetter: it needs a bus, a topic, and no function that is nil")
	}
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			response, err := next(ctx, request)
			e, handling := EventOf(ctx)
			if err == nil || !handling || ctx.Err() != nil || !aside(which, err) {
				return response, err
			}
			dead := e.WithExtension(DeadTopic, e.Type).WithExtension(DeadReason, reason(err)).WithExtension(DeadID, firstID(e))
			dead.ID = "" // the bus gives it one
			if failed := p.Publish(ctx, topic, dead); failed != nil {
				return response, fault.Unavailable.Errorf("event %s could not be put aside on %s: %w; its handler failed: %w", e.ID, topic, failed, err)
			}
			loggerOf(ctx).Warn("an event was put aside", "topic", e.Type, "event", e.ID, "key", e.Key, "to", topic, "error", err)
			if told, ok := ctx.Value(asideKey{}).(*atomic.Bool); ok {
				told.Store(true)
			}
			return response, nil
		}
	}
}

// aside says that an event with this failure is put aside.
func aside(which []func(error) bool, err error) bool {
	return len(which) == 0 || slices.ContainsFunc(which, func(is func(error) bool) bool { return is(err) })
}

// Hopeless says that a handler's failure can never turn into a success: the event is
// wrong whatever the state of the service is (fault.InvalidArgument, of an event too
// that is not what its topic says, and fault.OutOfRange), or what it asks for is
// done already (fault.AlreadyExists). All other failures may pass: a full disk, a
// panic that a new version mends, a fault.NotFound of what is yet to come. Handlers
// that know better say InvalidArgument, or have a function of their own.
func Hopeless(err error) bool {
	switch fault.CodeOf(err) {
	case fault.InvalidArgument, fault.OutOfRange, fault.AlreadyExists:
		return !fault.IsUnprocessed(err) && fault.RetryAfter(err) == 0
	}
	return false
}

// asideKey has, in a context, what DeadLetter sets for a Dedupe around it.
type asideKey struct{}

// firstID is the ID of an event, and of one that was put back the original's.
func firstID(e Event) string { return cmp.Or(e.Extensions[DeadID], e.ID) }

// reason is err as an attribute can hold it.
func reason(err error) string {
	text := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, err.Error())
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "")
	}
	return text
}
