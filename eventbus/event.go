package eventbus

import (
	"encoding/binary"
	"encoding/hex"
	"maps"
	"math/rand/v2"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sinew-go/sinew/fault"
)

// Event is something that happened. Its JSON is the structured mode of CloudEvents 1.0.
type Event struct {
	// ID and Source together identify the event. See [Event.WithDefaults] for what an empty
	// ID, Source, Type or Time becomes.
	ID     string
	Source string
	// Type says what happened. [Topic] sets it to the topic's name.
	Type string
	// Subject says what it happened to; it is optional.
	Subject string
	// Time is when it happened.
	Time time.Time
	// Key orders events: those of one key are handled one after the other. In JSON it is
	// the extension partitionkey.
	Key string
	// DataContentType is the media type of Data, "application/json" when empty.
	DataContentType string
	// DataSchema is a URI of the data's schema; it is optional.
	DataSchema string
	// Extensions are further attributes, such as traceparent. Their names consist of
	// lower-case letters and digits, and are no name of another attribute.
	Extensions map[string]string
	// Data is the content of the event. It is read-only.
	Data []byte

	scalars map[string]bool // the Extensions that were a number or a boolean in JSON

	value value // the value that Data encodes, for handlers in this process
	share int   // the number of this group's share of value
}

const jsonType = "application/json"

// reservedNames are the names that extensions cannot have.
var reservedNames = map[string]bool{
	"specversion": true, "id": true, "source": true, "type": true, "subject": true, "time": true, "partitionkey": true,
	"datacontenttype": true, "dataschema": true, "data": true, "data_base64": true,
}

// Validate reports why the event is not a valid CloudEvents event, as
// fault.InvalidArgument.
func (e Event) Validate() error {
	for _, required := range [...]attribute{{"id", e.ID}, {"source", e.Source}, {"type", e.Type}} {
		if required.value == "" {
			return fault.InvalidArgument.Errorf("an event of type %q has no %s", e.Type, required.name)
		}
	}
	for _, text := range e.textAttributes() {
		if !utf8.ValidString(text.value) {
			return fault.InvalidArgument.Errorf("event %q of type %q: its %s is no UTF-8; bytes go into Data", e.ID, e.Type, text.name)
		}
	}
	for name, value := range e.Extensions {
		switch {
		case !isExtension(name):
			return fault.InvalidArgument.Errorf("event %s: extension %q is not made of lower-case letters and digits, or is an attribute", e.ID, name)
		case !utf8.ValidString(value):
			return fault.InvalidArgument.Errorf("event %s: extension %s is no UTF-8; bytes go into Data", e.ID, name)
		}
	}
	return nil
}

type attribute struct{ name, value string }

// textAttributes are the attributes that are text.
func (e *Event) textAttributes() [7]attribute {
	return [...]attribute{
		{"id", e.ID}, {"source", e.Source}, {"type", e.Type}, {"subject", e.Subject},
		{"partitionkey", e.Key}, {"datacontenttype", e.DataContentType}, {"dataschema", e.DataSchema},
	}
}

// WithExtension returns the event with one more extension, or with another value of it. e
// is unchanged.
func (e Event) WithExtension(name, value string) Event {
	e.Extensions = maps.Clone(e.Extensions)
	if e.Extensions == nil {
		e.Extensions = map[string]string{}
	}
	e.Extensions[name] = value
	return e
}

// WithDefaults returns the event with default values where these are missing: a random
// ID, the Source "sinew", topic as its Type, and the current Time. Another implementation
// of [Bus] calls it for each event that it publishes.
func (e Event) WithDefaults(topic string) Event {
	e.setDefaults(topic)
	return e
}

func (e *Event) setDefaults(topic string) {
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

// mediaType is DataContentType without its parameters.
func (e Event) mediaType() string {
	t, _, _ := strings.Cut(e.DataContentType, ";")
	return strings.ToLower(strings.TrimSpace(t))
}

func (e Event) isJSON() bool {
	t := e.mediaType()
	return t == "" || t == jsonType || t == "text/json" || strings.HasSuffix(t, "+json")
}

func (e Event) isText() bool {
	t := e.mediaType()
	return strings.HasPrefix(t, "text/") || t == "application/xml" || strings.HasSuffix(t, "+xml")
}

// isControl reports whether c makes data binary, whatever its type says.
func isControl(c rune) bool { return unicode.IsControl(c) && c != '\t' && c != '\n' && c != '\r' }

func isExtension(name string) bool {
	if name == "" || reservedNames[name] {
		return false
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// newID returns 128 random bits in hexadecimal: unique, but no secret.
func newID() string {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], rand.Uint64())
	binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	var text [2 * len(id)]byte
	hex.Encode(text[:], id[:])
	return string(text[:])
}
