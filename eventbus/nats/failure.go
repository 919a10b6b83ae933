package nats

import (
	"context"
	"errors"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sinew-go/sinew/fault"
)

// Error codes of the server without a name in the client; see errors.json of nats-server.
const (
	accountFull     jetstream.ErrorCode = 10002
	tooManyStreams  jetstream.ErrorCode = 10027
	streamInvalid   jetstream.ErrorCode = 10052
	tooManyReplicas jetstream.ErrorCode = 10074
	notStored       jetstream.ErrorCode = 10077 // the description says why
)

// failure translates err, of a publish of size bytes, for the publisher. What a repeat
// cannot change is not fault.Unavailable.
func (b *Bus) failure(topic string, size int, err error) error {
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		return serverFailure(topic, size, api)
	}
	switch {
	case b.refuses(true):
		return errClosed(topic)
	case errors.Is(err, context.Canceled):
		return fault.Canceled.Errorf("topic %s: %w", topic, err)
	case errors.Is(err, nats.ErrMaxPayload):
		return fault.InvalidArgument.Errorf("topic %s: an event of %d bytes is too large: the server's max_payload is %d", topic, size, b.conn.MaxPayload())
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return fault.Unavailable.Errorf("topic %s: no stream stores it; the next try makes %s if it is missing: %w", topic, streamName(topic), err)
	case errors.Is(err, nats.ErrNoResponders):
		return fault.Unavailable.Errorf("topic %s: JetStream is not ready, or off; nats-server needs -js: %w", topic, err)
	}
	last := b.conn.LastError()
	switch {
	case b.conn.IsConnected() || last == nil:
	case errors.Is(last, nats.ErrAuthorization), errors.Is(last, nats.ErrAuthExpired), errors.Is(last, nats.ErrAuthRevoked):
		return fault.Unavailable.Errorf("topic %s: nats refuses the credentials of Config.URL or Config.Options, and is asked again (%v): %w", topic, last, err)
	default:
		return fault.Unavailable.Errorf("topic %s: nats does not answer (%v): %w", topic, last, err)
	}
	return fault.Unavailable.Errorf("topic %s: nats does not answer: %w", topic, err)
}

// serverFailure translates an error that the server returned.
func serverFailure(topic string, size int, err *jetstream.APIError) error {
	code, what := fault.Unavailable, "nats cannot take it now"
	switch err.ErrorCode {
	case jetstream.JSErrCodeStreamMessageExceedsMaximum:
		code, what = fault.InvalidArgument, "the event is too large for its stream"
	case accountFull, tooManyStreams:
		code, what = fault.ResourceExhausted, "a limit of the account is reached"
	case notStored:
		if strings.HasPrefix(err.Description, "maximum") {
			code, what = fault.ResourceExhausted, "a limit of the stream is reached"
		}
	case streamInvalid, tooManyReplicas, jetstream.JSErrCodeJetStreamNotEnabled, jetstream.JSErrCodeJetStreamNotEnabledForAccount:
		code, what = fault.FailedPrecondition, "nats refuses; see Config and the account"
	default:
		if err.Code == 400 {
			code, what = fault.FailedPrecondition, "nats refuses; see its streams"
		}
	}
	return code.Errorf("topic %s, stream %s, %d bytes: %s: %w", topic, streamName(topic), size, what, err)
}
