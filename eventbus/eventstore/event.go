package eventstore

import (
	"context"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/eventtrace"
)

const (
	maxName  = 255     // bytes of a stream, a type or an ID
	maxEvent = 4 << 20 // bytes of an event as JSON
)

// Event is an event of a stream.
type Event struct {
	eventbus.Event
	// Stream is its stream, and Version its number in the stream, from 1.
	Stream  string
	Version int64
	// Position is its place in the order of all events. Positions grow, from 1. Until an event
	// is committed and somebody reads all events, it can be 0.
	Position int64
}

// row is an event as it is stored.
type row struct {
	event    Event
	text     []byte
	chosenID bool // by the caller
}

// read reads the text of the row.
func (s *Store) read(r row) (Event, error) {
	if err := json.Unmarshal(r.text, &r.event.Event); err != nil {
		return r.event, fault.DataLoss.Errorf("eventstore %s: the event at position %d, version %d of stream %s, cannot be read: %w",
			s.config.Table, r.event.Position, r.event.Version, r.event.Stream, err)
	}
	return r.event, nil
}

// rowsOf returns the rows of events that are to be appended.
func (s *Store) rowsOf(ctx context.Context, stream string, events []eventbus.Event) ([]row, error) {
	if why := whyNoName(stream); why != "" {
		return nil, fault.InvalidArgument.Errorf("eventstore %s: the name %.40q of a stream %s", s.config.Table, stream, why)
	}
	rows, ids := make([]row, len(events)), map[string]bool{}
	for i, e := range events {
		if len(e.Data) > maxEvent {
			return nil, s.tooLarge(stream, e, len(e.Data))
		}
		r := row{chosenID: e.ID != ""}
		if e.Source == "" {
			e.Source = s.config.Source
		}
		if e.Key == "" {
			e.Key = stream
		}
		e = eventtrace.Inject(ctx, e.WithDefaults(""))
		text, err := json.Marshal(e)
		switch {
		case err != nil:
			return nil, fault.InvalidArgument.Errorf("eventstore %s, stream %s: %w", s.config.Table, stream, err)
		case len(text) > maxEvent:
			return nil, s.tooLarge(stream, e, len(text))
		case whyNoName(e.ID) != "":
			return nil, fault.InvalidArgument.Errorf("eventstore %s, stream %s: the ID %.40q of an event %s", s.config.Table, stream, e.ID, whyNoName(e.ID))
		case ids[e.ID]:
			return nil, fault.InvalidArgument.Errorf("eventstore %s, stream %s: two events have the ID %s", s.config.Table, stream, e.ID)
		}
		ids[e.ID] = true
		r.event, r.text = Event{Event: e, Stream: stream}, text
		rows[i] = r
	}
	return rows, nil
}

func (s *Store) tooLarge(stream string, e eventbus.Event, size int) error {
	return fault.InvalidArgument.Errorf("eventstore %s, stream %s: event %.40q of type %.40q has %d bytes, and the limit is %d; store large content elsewhere",
		s.config.Table, stream, e.ID, e.Type, size, maxEvent)
}

// whyNoName says why a text is no name of a stream and no ID, in a way that every database
// tells from others.
func whyNoName(text string) string {
	switch {
	case text == "":
		return "is empty"
	case len(text) > maxName:
		return "has more than 255 bytes"
	case !utf8.ValidString(text):
		return "is no UTF-8"
	case strings.ContainsFunc(text, unicode.IsControl):
		return "has a control character"
	case strings.HasSuffix(text, " "):
		return "ends with a space"
	}
	return ""
}
