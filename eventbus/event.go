package eventbus

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sinew-go/sinew/fault"
)

// Event is something that happened. Its JSON is the structured mode of
// CloudEvents 1.0.
type Event struct {
	// ID and Source together tell this event from all others.
	ID     string
	Source string
	// Type is what happened; [Topic] sets the topic's name.
	Type string
	// Subject is what it happened to, "" if that is not said.
	Subject string
	// Time is when it happened.
	Time time.Time
	// Key orders: events of one key are handled one after the other. It is the
	// extension partitionkey.
	Key string
	// DataContentType is the media type of Data, "application/json" when empty.
	DataContentType string
	// DataSchema is a URI of the data's schema, "" if there is none.
	DataSchema string
	// Extensions are further attributes: lower-case letters and digits, such as
	// traceparent.
	Extensions map[string]string
	// Data is what there is to tell. It is read-only.
	Data []byte

	value value // what Data is the encoding of, for handlers in this process
	share int   // of value
}

const jsonType = "application/json"

// attributes are the names that extensions cannot have.
var attributes = map[string]bool{
	"specversion": true, "id": true, "source": true, "type": true, "subject": true, "time": true, "partitionkey": true,
	"datacontenttype": true, "dataschema": true, "data": true, "data_base64": true,
}

// Validate reports what keeps the event from being a CloudEvents event, as
// fault.InvalidArgument.
func (e Event) Validate() error {
	for name, value := range map[string]string{"id": e.ID, "source": e.Source, "type": e.Type} {
		if value == "" {
			return fault.InvalidArgument.Errorf("an event of type %q has no %s", e.Type, name)
		}
	}
	for name := range e.Extensions {
		if !isExtension(name) {
			return fault.InvalidArgument.Errorf("event %s: extension %q is not made of lower-case letters and digits, or is an attribute", e.ID, name)
		}
	}
	return nil
}

// MarshalJSON writes the event in structured mode. Data that is JSON stays so;
// other data is in data_base64.
func (e Event) MarshalJSON() ([]byte, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	doc := map[string]any{"specversion": "1.0"}
	for name, value := range e.Extensions {
		doc[name] = value
	}
	for name, value := range map[string]string{
		"id": e.ID, "source": e.Source, "type": e.Type, "subject": e.Subject,
		"partitionkey": e.Key, "datacontenttype": e.DataContentType, "dataschema": e.DataSchema,
	} {
		if value != "" {
			doc[name] = value
		}
	}
	if !e.Time.IsZero() {
		doc["time"] = e.Time
	}
	switch {
	case e.Data == nil:
	case e.isJSON() && json.Valid(e.Data) && utf8.Valid(e.Data):
		doc["data"] = json.RawMessage(e.Data)
	default:
		doc["data_base64"] = e.Data
	}
	return json.Marshal(doc)
}

// UnmarshalJSON reads what MarshalJSON writes, and what other makers of
// CloudEvents write.
func (e *Event) UnmarshalJSON(text []byte) error {
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(text, &doc); err != nil {
		return fault.InvalidArgument.Errorf("an event is a JSON object: %w", err)
	}
	var read Event
	var version string
	for name, into := range map[string]any{
		"specversion": &version, "id": &read.ID, "source": &read.Source, "type": &read.Type, "subject": &read.Subject,
		"time": &read.Time, "partitionkey": &read.Key, "datacontenttype": &read.DataContentType,
		"dataschema": &read.DataSchema, "data_base64": &read.Data,
	} {
		raw, ok := doc[name]
		if !ok {
			continue
		}
		if err := json.Unmarshal(raw, into); err != nil {
			return fault.InvalidArgument.Errorf("event attribute %s: %w", name, err)
		}
	}
	if version != "1.0" {
		return fault.InvalidArgument.Errorf("an event of specversion %q; 1.0 is understood", version)
	}
	if raw, ok := doc["data"]; ok {
		read.Data = raw
	}
	for name, raw := range doc {
		if attributes[name] {
			continue
		}
		if read.Extensions == nil {
			read.Extensions = map[string]string{}
		}
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw) // a number or a boolean
		}
		read.Extensions[name] = text
	}
	if err := read.Validate(); err != nil {
		return err
	}
	*e = read
	return nil
}

// WithExtension is the event with one more extension.
func (e Event) WithExtension(name, value string) Event {
	e.Extensions = maps.Clone(e.Extensions)
	if e.Extensions == nil {
		e.Extensions = map[string]string{}
	}
	e.Extensions[name] = value
	return e
}

// Complete is the event with an ID, Source, Type and Time where it has none:
// what a bus of another make does with each event that it is given.
func (e Event) Complete(topic string) Event {
	e.complete(topic)
	return e
}

func (e *Event) complete(topic string) {
	if e.ID == "" {
		e.ID = newID()
	}
	if e.Source == "" {
		e.Source = "sinew"
	}
	if e.Type == "" {
		e.Type = topic
	}
	if e.Time.IsZero() {
		e.Time = time.Now().UTC()
	}
}

func (e Event) isJSON() bool {
	t, _, _ := strings.Cut(e.DataContentType, ";")
	t = strings.ToLower(strings.TrimSpace(t))
	return t == "" || t == jsonType || strings.HasSuffix(t, "+json")
}

func isExtension(name string) bool {
	if name == "" || attributes[name] {
		return false
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// newID is 128 bits of chance: unique, and no secret.
func newID() string {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], rand.Uint64())
	binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	var text [2 * len(id)]byte
	hex.Encode(text[:], id[:])
	return string(text[:])
}
