package eventbus

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
)

// The extensions that [DeadLetter] adds to an event.
const (
	// DeadTopic is the topic that the event came from.
	DeadTopic = "deadlettertopic"
	// DeadReason is the error of the event's handler, as one line of at most 1 KiB.
	DeadReason = "deadletterreason"
	// DeadID is the ID that the event had when it was first put aside.
	DeadID = "deadletterid"
	// DeadGroup is the group whose handler failed. It is missing if the bus does not say.
	DeadGroup = "deadlettergroup"
	// DeadAttempts is how often the handler was called in the last delivery, as
	// [RetryPolicy] counts.
	DeadAttempts = "deadletterattempts"
	// DeadDeliveries is how often the event was delivered to the group. It is missing if the
	// bus does not count.
	DeadDeliveries = "deadletterdeliveries"
	// DeadStack is where the handler panicked, the innermost function first, as one line of
	// at most 2 KiB. It is missing if the handler returned an error.
	DeadStack = "deadletterstack"
	// DeadRedrives is how often [Redrive] has brought the event back.
	DeadRedrives = "deadletterredrives"

	// deadRun is the call of Redrive that brought the event back last, or left it.
	deadRun = "deadletterrun"
)

// maxReason limits the length of DeadReason, and maxStack that of DeadStack, in bytes.
const (
	maxReason = 1024
	maxStack  = 2048
)

// DeadLetter puts an event aside whose handler failed: it publishes the event to another
// topic, with its origin and the reason in the extensions [DeadTopic], [DeadReason] and
// those beside them, logs a warning, and counts the event as handled. Put [RetryPolicy] inside
// DeadLetter and [Dedupe] around it. If the event cannot be published there, or if the
// handler's context has ended, as when a drain is cut short, the event is redelivered
// instead. Around anything but a handler DeadLetter does nothing. It panics if p or one
// of which is nil, or if topic is empty.
//
// Only an operator can bring back a dead letter, so put aside only what can never
// succeed. The functions of which decide that: an event is put aside if one of them
// returns true for the error of its handler. With any other error it is redelivered until
// it succeeds, and blocks the events of its key meanwhile. [Hopeless] is right where a
// handler may fail for a while: its disk is full, or a service that it calls is down.
// Without any function every failure is put aside, even a temporary one. Use that for
// events that may be missed, or if somebody watches the dead letters and puts them back.
//
// A dead letter has its own ID, because several groups may put the same event aside. When
// the cause is repaired, [Redrive] brings it back to the group that put it aside.
func DeadLetter(p Publisher, topic string, which ...func(error) bool) endpoint.Middleware {
	if absent.Is(p) || topic == "" || slices.ContainsFunc(which, func(is func(error) bool) bool { return is == nil }) {
		panic("eventbus.DeadLetter: it needs a bus, a topic, and no function that is nil")
	}
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			response, err := next(ctx, request)
			h := handlingOf(ctx)
			if err == nil || h == nil || ctx.Err() != nil || !shouldPutAside(which, err) {
				return response, err
			}
			e, dead := &h.event, deadLetter(h, err)
			failed := p.Publish(ctx, topic, dead)
			if dead.Extensions[DeadStack] != "" && errors.Is(failed, fault.InvalidArgument) { // it may be too large
				delete(dead.Extensions, DeadStack)
				failed = p.Publish(ctx, topic, dead)
			}
			if failed != nil {
				return response, fault.Unavailable.Errorf("event %s could not be put aside on %s: %w; its handler failed: %w", e.ID, topic, failed, err)
			}
			loggerOf(ctx).Warn("an event was put aside", "topic", dead.Extensions[DeadTopic], "event", e.ID, "key", e.Key, "to", topic, "error", err)
			h.putAside.Store(true)
			return response, nil
		}
	}
}

// deadLetter returns the event that is put aside because of err. The bus gives it an ID.
func deadLetter(h *handling, err error) Event {
	dead := h.event
	dead.ID, dead.Extensions = "", maps.Clone(dead.Extensions)
	if dead.Extensions == nil {
		dead.Extensions = map[string]string{}
	}
	set := func(name, value string, known bool) {
		if delete(dead.Extensions, name); known {
			dead.Extensions[name] = value
		}
	}
	set(DeadID, originalID(h.event), true)
	of := cmp.Or(h.of, &subscription{topic: h.event.Type})
	set(DeadTopic, of.topic, true)
	set(DeadReason, reasonText(err), true)
	set(DeadGroup, of.group, h.of != nil)
	set(DeadAttempts, strconv.Itoa(max(1, int(h.attempts.Load()))), true)
	set(DeadDeliveries, strconv.Itoa(int(h.number)), h.number > 0)
	panicked, isPanic := errors.AsType[*panicError](err)
	if isPanic {
		set(DeadStack, panicked.stack, true)
	} else {
		set(DeadStack, "", false)
	}
	return dead
}

// shouldPutAside reports whether an event with this failure is put aside.
func shouldPutAside(which []func(error) bool, err error) bool {
	return len(which) == 0 || slices.ContainsFunc(which, func(is func(error) bool) bool { return is(err) })
}

// Hopeless reports whether a handler's failure can never turn into a success. Either the
// event is wrong whatever the state of the service is (fault.InvalidArgument, also for
// data that does not decode, and fault.OutOfRange), or what it asks for is done already
// (fault.AlreadyExists). All other failures may pass: a full disk, a panic that a new
// version fixes, a fault.NotFound for something that does not exist yet. So may an error
// that is unprocessed or has a RetryAfter, whatever its class. A handler that knows
// better returns fault.InvalidArgument, or DeadLetter gets a function of your own.
func Hopeless(err error) bool {
	switch fault.CodeOf(err) {
	case fault.InvalidArgument, fault.OutOfRange, fault.AlreadyExists:
		return !fault.IsUnprocessed(err) && fault.RetryAfter(err) == 0
	}
	return false
}

// originalID is the ID of an event. For one that was put back it is the ID of the
// original.
func originalID(e Event) string { return cmp.Or(e.Extensions[DeadID], e.ID) }

// reasonText is err as an attribute may hold it: one line, valid UTF-8, at most maxReason
// bytes.
func reasonText(err error) string {
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
