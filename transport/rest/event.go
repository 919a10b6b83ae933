package rest

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
}

// eventOf is any *Event.
type eventOf interface {
	parts() (id, kind *string, data any)
}

// parts implements eventOf.
func (e *Event[T]) parts() (id, kind *string, data any) { return &e.ID, &e.Type, &e.Data }
