package rest

import "time"

// Event is a value in a stream with what server-sent events have beside it. A stream of
// values without these may have the values themselves.
type Event[T any] struct {
	// ID is sent by a caller that comes back as Last-Event-ID, so that the stream can go on
	// after it.
	ID string `json:"id,omitempty"`
	// Type is the type of the event, "" for the type message. The types end and error are
	// those of the last event of a stream.
	Type string `json:"type,omitempty"`
	// Data is the value.
	Data T `json:"data"`
	// Retry is how long a caller whose connection is cut shall wait before it comes back,
	// in whole milliseconds: [Follow] and browsers do so from this event on. Zero says
	// nothing. Lines of JSON do not have it.
	Retry time.Duration `json:"-"`
}

// eventOf is any *Event.
type eventOf interface {
	parts() (id, kind *string, retry *time.Duration, data any)
}

// parts implements eventOf.
func (e *Event[T]) parts() (id, kind *string, retry *time.Duration, data any) {
	return &e.ID, &e.Type, &e.Retry, &e.Data
}
