package eventbus

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/sinew-go/sinew/fault"
)

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
	for _, text := range e.textAttributes() {
		if text.value != "" {
			doc[text.name] = text.value
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
