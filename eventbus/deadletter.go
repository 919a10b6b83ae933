package eventbus

import (
	"cmp"
	"context"
	"strings"
	"sync/atomic"
	"unicode"

	kitendpoint "github.com/go-kit/kit/endpoint"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
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
// reason in its extensions, and counts it as handled. Put [Retry] inside of it
// and [Dedupe] around it. When the event cannot be put aside, or the failure is
// that the bus is being closed, the event comes again instead. In front of
// anything but a handler it does nothing.
//
// A dead letter has an ID of its own, since several groups may put the same event
// aside. On a [Memory] bus it is gone unless somebody subscribes to its topic. To
// put it back when the cause is repaired, publish it as it is to its [DeadTopic]:
// every group gets it, and Dedupe has those handle it that have not yet.
func DeadLetter(p Publisher, topic string) endpoint.Middleware {
	return func(next kitendpoint.Endpoint) kitendpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			response, err := next(ctx, request)
			e, handling := EventOf(ctx)
			if err == nil || !handling || ctx.Err() != nil {
				return response, err
			}
			dead := e.WithExtension(DeadTopic, e.Type).WithExtension(DeadReason, reason(err)).WithExtension(DeadID, firstID(e))
			dead.ID = "" // the bus gives it one
			if failed := p.Publish(ctx, topic, dead); failed != nil {
				return response, fault.Unavailable.Errorf("event %s could not be put aside on %s: %w; its handler failed: %w", e.ID, topic, failed, err)
			}
			if aside, ok := ctx.Value(asideKey{}).(*atomic.Bool); ok {
				aside.Store(true)
			}
			return response, nil
		}
	}
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
