package eventbus

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sinew-go/sinew/fault"
)

// Event is something that happened. Its JSON is the structured mode of CloudEvents 1.0.
type Event struct {
	// ID and Source together identify the event.
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
	// lower-case letters and digits.
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
	for name, value := range map[string]string{"id": e.ID, "source": e.Source, "type": e.Type} {
		if value == "" {
			return fault.InvalidArgument.Errorf("an event of type %q has no %s", e.Type, name)
		}
	}
	for name, value := range e.textAttributes() {
		if !utf8.ValidString(value) {
			return fault.InvalidArgument.Errorf("event %q of type %q: its %s is no UTF-8; bytes go into Data", e.ID, e.Type, name)
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

// textAttributes are the attributes that are text, by name.
func (e Event) textAttributes() map[string]string {
	return map[string]string{
		"id": e.ID, "source": e.Source, "type": e.Type, "subject": e.Subject,
		"partitionkey": e.Key, "datacontenttype": e.DataContentType, "dataschema": e.DataSchema,
	}
}

// MarshalJSON writes the event in structured mode: JSON, text and XML as data, anything
// else as data_base64.
func (e Event) MarshalJSON() ([]byte, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	doc := map[string]any{"specversion": "1.0"}
	for name, value := range e.Extensions {
		if doc[name] = value; e.scalars[name] && isScalar(value) {
			doc[name] = json.RawMessage(value)
		}
	}
	for name, value := range e.textAttributes() {
		if value != "" {
			doc[name] = value
		}
	}
	if !e.Time.IsZero() {
		at := rfc3339Time(e.Time)
		if year := at.Year(); year < 0 || year > 9999 {
			return nil, fault.InvalidArgument.Errorf("event %s: the year %d has no form in RFC 3339", e.ID, year)
		}
		doc["time"] = at
	}
	switch valid := utf8.Valid(e.Data); {
	case e.Data == nil:
	case e.isJSON() && valid && json.Valid(e.Data):
		doc["data"] = json.RawMessage(e.Data)
	case e.isText() && valid && !bytes.ContainsFunc(e.Data, isControl):
		doc["data"] = string(e.Data)
	default:
		doc["data_base64"] = e.Data
	}
	return json.Marshal(doc)
}

// rfc3339Time is t in a zone that RFC 3339 can write: an offset of whole minutes, with a
// year of four digits.
func rfc3339Time(t time.Time) time.Time {
	_, offset := t.Zone()
	if year := t.Year(); offset%60 != 0 || offset <= -24*3600 || offset >= 24*3600 || year < 0 || year > 9999 {
		return t.UTC()
	}
	return t
}

// UnmarshalJSON reads CloudEvents in structured mode, from MarshalJSON or any other
// implementation. A member that is null counts as missing, and a duplicate member is
// refused. Data whose type is not JSON is the text of its JSON string.
func (e *Event) UnmarshalJSON(text []byte) error {
	doc, err := members(text)
	if err != nil {
		return err
	}
	data := doc["data"]
	maps.DeleteFunc(doc, func(_ string, raw json.RawMessage) bool { return isNull(raw) })
	var parsed Event
	var version string
	for name, into := range map[string]any{
		"specversion": &version, "id": &parsed.ID, "source": &parsed.Source, "type": &parsed.Type, "subject": &parsed.Subject,
		"time": (*timeText)(&parsed.Time), "partitionkey": &parsed.Key, "datacontenttype": &parsed.DataContentType,
		"dataschema": &parsed.DataSchema, "data_base64": (*base64Text)(&parsed.Data),
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
	if err := parsed.readData(data, doc["data_base64"] != nil); err != nil {
		return err
	}
	for name, raw := range doc {
		if err := parsed.readExtension(name, raw); err != nil {
			return err
		}
	}
	if err := parsed.Validate(); err != nil {
		return err
	}
	*e = parsed
	return nil
}

// members returns the members of a JSON object. It refuses duplicates, because one of the
// two would be lost.
func members(text []byte) (map[string]json.RawMessage, error) {
	if !json.Valid(text) || bytes.TrimLeft(text, " \t\r\n")[0] != '{' {
		return nil, fault.InvalidArgument.Errorf("an event is a JSON object")
	}
	doc, d := map[string]json.RawMessage{}, json.NewDecoder(bytes.NewReader(text))
	_, err := d.Token() // the opening brace
	for err == nil && d.More() {
		var name json.Token
		if name, err = d.Token(); err != nil {
			break
		}
		key, _ := name.(string)
		if _, twice := doc[key]; twice {
			return nil, fault.InvalidArgument.Errorf("an event has the member %q twice", key)
		}
		var raw json.RawMessage
		err = d.Decode(&raw)
		doc[key] = raw
	}
	if err != nil {
		return nil, fault.InvalidArgument.Errorf("an event is a JSON object: %w", err)
	}
	return doc, nil
}

// timeText reads a time as RFC 3339 allows it: letters may be lower-case, and the last
// second of a day may be a leap second.
type timeText time.Time

// UnmarshalJSON implements json.Unmarshaler.
func (m *timeText) UnmarshalJSON(text []byte) error {
	text = bytes.ToUpper(text)
	leap := len(text) > 20 && string(text[17:20]) == ":60"
	if leap {
		copy(text[17:], ":59")
	}
	var t time.Time
	if err := t.UnmarshalJSON(text); err != nil {
		return err
	}
	if leap {
		if t = t.Add(time.Second); t.Year() > 9999 {
			return errors.New("it is after the year 9999")
		}
	}
	*m = timeText(t)
	return nil
}

// base64Text reads bytes from text only. encoding/json would also accept a list of
// numbers.
type base64Text []byte

// UnmarshalJSON implements json.Unmarshaler.
func (b *base64Text) UnmarshalJSON(text []byte) error {
	if text[0] != '"' {
		return errors.New("it is no text in base64")
	}
	return json.Unmarshal(text, (*[]byte)(b))
}

// readData reads the member data; raw is nil if there is none. If the type is JSON, null
// is data.
func (e *Event) readData(raw json.RawMessage, inBase64 bool) error {
	switch {
	case raw == nil || isNull(raw) && (inBase64 || !e.isJSON()):
		return nil
	case inBase64:
		return fault.InvalidArgument.Errorf("event %s has both data and data_base64", e.ID)
	case e.isJSON() || raw[0] != '"': // data that is no string stays JSON, whatever its type says
		e.Data = raw
		return nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return fault.InvalidArgument.Errorf("event %s: data: %w", e.ID, err)
	}
	e.Data = []byte(text)
	return nil
}

// readExtension reads a member that is no attribute: a string, a number or a boolean.
// Numbers and booleans are kept as text, and MarshalJSON writes them as what they were.
func (e *Event) readExtension(name string, raw json.RawMessage) error {
	if reservedNames[name] {
		return nil
	}
	if raw[0] == '{' || raw[0] == '[' {
		return fault.InvalidArgument.Errorf("event %s: extension %s is %s; attributes are strings, numbers or booleans", e.ID, name, raw)
	}
	text := string(raw)
	if raw[0] == '"' {
		if err := json.Unmarshal(raw, &text); err != nil {
			return fault.InvalidArgument.Errorf("event attribute %s: %w", name, err)
		}
	} else if isScalar(text) {
		if e.scalars == nil {
			e.scalars = map[string]bool{}
		}
		e.scalars[name] = true
	}
	if e.Extensions == nil {
		e.Extensions = map[string]string{}
	}
	e.Extensions[name] = text
	return nil
}

// isScalar reports whether text is a boolean or an integer as CloudEvents defines them.
func isScalar(text string) bool {
	n, err := strconv.ParseInt(text, 10, 32)
	return text == "true" || text == "false" || err == nil && strconv.FormatInt(n, 10) == text
}

// WithExtension returns the event with one more extension.
func (e Event) WithExtension(name, value string) Event {
	e.Extensions = maps.Clone(e.Extensions)
	if e.Extensions == nil {
		e.Extensions = map[string]string{}
	}
	e.Extensions[name] = value
	return e
}

// WithDefaults returns the event with default values for a missing ID, Source, Type and
// Time. Another implementation of [Bus] calls it for each event that it publishes.
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
