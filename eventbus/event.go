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

	scalars map[string]bool // the Extensions that came as a number or a boolean

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
	for name, value := range e.texts() {
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

// texts are the attributes that are text, by name.
func (e Event) texts() map[string]string {
	return map[string]string{
		"id": e.ID, "source": e.Source, "type": e.Type, "subject": e.Subject,
		"partitionkey": e.Key, "datacontenttype": e.DataContentType, "dataschema": e.DataSchema,
	}
}

// MarshalJSON writes the event in structured mode: data that is JSON, or text or
// XML, as data, and other data as data_base64.
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
	for name, value := range e.texts() {
		if value != "" {
			doc[name] = value
		}
	}
	if !e.Time.IsZero() {
		at := written(e.Time)
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

// written is t in a zone that RFC 3339 can write: one of whole minutes, in which the
// year has four digits.
func written(t time.Time) time.Time {
	_, offset := t.Zone()
	if year := t.Year(); offset%60 != 0 || offset <= -24*3600 || offset >= 24*3600 || year < 0 || year > 9999 {
		return t.UTC()
	}
	return t
}

// UnmarshalJSON reads what MarshalJSON writes, and what other makers of
// CloudEvents write. A member that is null is none, and one that is there twice is
// refused. Data of a type that is not JSON is the text of its JSON string.
func (e *Event) UnmarshalJSON(text []byte) error {
	doc, err := members(text)
	if err != nil {
		return err
	}
	data := doc["data"]
	maps.DeleteFunc(doc, func(_ string, raw json.RawMessage) bool { return isNull(raw) })
	var read Event
	var version string
	for name, into := range map[string]any{
		"specversion": &version, "id": &read.ID, "source": &read.Source, "type": &read.Type, "subject": &read.Subject,
		"time": (*moment)(&read.Time), "partitionkey": &read.Key, "datacontenttype": &read.DataContentType,
		"dataschema": &read.DataSchema, "data_base64": (*base64Text)(&read.Data),
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
	if err := read.readData(data, doc["data_base64"] != nil); err != nil {
		return err
	}
	for name, raw := range doc {
		if err := read.readExtension(name, raw); err != nil {
			return err
		}
	}
	if err := read.Validate(); err != nil {
		return err
	}
	*e = read
	return nil
}

// members are those of a JSON object, none of which may be there twice: one of the
// two would be lost.
func members(text []byte) (map[string]json.RawMessage, error) {
	if !json.Valid(text) || bytes.TrimLeft(text, " \t\r\n")[0] != '{' {
		return nil, fault.InvalidArgument.Errorf("an event is a JSON object")
	}
	doc, d := map[string]json.RawMessage{}, json.NewDecoder(bytes.NewReader(text))
	_, err := d.Token() // which opens it
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

// moment reads a time as RFC 3339 has it, whose letters may be small and whose last
// second of a day may be a leap second.
type moment time.Time

// UnmarshalJSON implements json.Unmarshaler.
func (m *moment) UnmarshalJSON(text []byte) error {
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
	*m = moment(t)
	return nil
}

// base64Text reads bytes as text alone: encoding/json takes a list of numbers, too.
type base64Text []byte

// UnmarshalJSON implements json.Unmarshaler.
func (b *base64Text) UnmarshalJSON(text []byte) error {
	if text[0] != '"' {
		return errors.New("it is no text in base64")
	}
	return json.Unmarshal(text, (*[]byte)(b))
}

// readData reads the member data, nil where there is none. The null of a JSON type
// is data.
func (e *Event) readData(raw json.RawMessage, inBase64 bool) error {
	switch {
	case raw == nil || isNull(raw) && (inBase64 || !e.isJSON()):
		return nil
	case inBase64:
		return fault.InvalidArgument.Errorf("event %s has both data and data_base64", e.ID)
	case e.isJSON() || raw[0] != '"': // what is no string keeps its JSON, whatever it is called
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

// readExtension reads a member that is no attribute of its own: a string, or the
// text of a number or a boolean, which is written again as what it was.
func (e *Event) readExtension(name string, raw json.RawMessage) error {
	if attributes[name] {
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

// isScalar says that text is a boolean or an integer as CloudEvents has them.
func isScalar(text string) bool {
	n, err := strconv.ParseInt(text, 10, 32)
	return text == "true" || text == "false" || err == nil && strconv.FormatInt(n, 10) == text
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

// WithDefaults is the event with an ID, Source, Type and Time where it has none:
// another implementation of [Bus] calls it for each event that is published.
func (e Event) WithDefaults(topic string) Event {
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

// isControl says that no text has c, whatever its type says, but for blanks.
func isControl(c rune) bool { return unicode.IsControl(c) && c != '\t' && c != '\n' && c != '\r' }

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
