package kafka

import (
	"encoding/hex"
	"encoding/json"
	"mime"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/attribute"
)

// The headers of the CloudEvents Kafka protocol binding.
const (
	attributePrefix   = "ce_"
	contentTypeHeader = "content-type"
	structuredType    = "application/cloudevents+json"
	jsonType          = "application/json"
)

const (
	// recordOverhead is more than a batch of one record needs beside key, value and headers.
	recordOverhead = 1024
	// headerOverhead is more than the lengths of a header need.
	headerOverhead = 10
	// maxBatchBytes is the largest batch that the client can send.
	maxBatchBytes = 100 << 20
)

// record returns the event as a record. It is fault.InvalidArgument if the event is not
// valid or too large.
func (b *Bus) record(topic string, e eventbus.Event) (*kgo.Record, error) {
	if err := checkName(topic); err != nil {
		return nil, err
	}
	r := &kgo.Record{Topic: topic}
	if e.Key != "" {
		r.Key = []byte(e.Key)
	}
	if b.config.Structured {
		value, err := json.Marshal(e)
		if err != nil {
			return nil, fault.InvalidArgument.Errorf("topic %s: %w", topic, err)
		}
		r.Value, r.Headers = value, []kgo.RecordHeader{header(contentTypeHeader, structuredType)}
	} else {
		if err := e.Validate(); err != nil {
			return nil, fault.InvalidArgument.Errorf("topic %s: %w", topic, err)
		}
		if year := e.Time.UTC().Year(); year < 0 || year > 9999 {
			return nil, fault.InvalidArgument.Errorf("topic %s: event %s: the year %d has no form in RFC 3339", topic, e.ID, year)
		}
		r.Value, r.Headers = e.Data, headers(e)
	}
	if n := size(r); n > b.config.MaxEventBytes {
		return nil, fault.InvalidArgument.Errorf("topic %s: event %s is too large: its record has %d bytes, Config.MaxEventBytes is %d",
			topic, e.ID, n, b.config.MaxEventBytes)
	}
	return r, nil
}

func header(name, value string) kgo.RecordHeader {
	return kgo.RecordHeader{Key: name, Value: []byte(value)}
}

// typicalHeaders is enough for the values of the headers of most events.
const typicalHeaders = 192

// headers are the attributes of the event. Their values share one allocation.
func headers(e eventbus.Event) []kgo.RecordHeader {
	all := make([]kgo.RecordHeader, 0, 9+len(e.Extensions))
	values := make([]byte, 0, typicalHeaders)
	add := func(name, value string) {
		start := len(values)
		values = append(values, value...)
		all = append(all, kgo.RecordHeader{Key: name, Value: values[start:len(values):len(values)]})
	}
	add("ce_specversion", attribute.SpecVersion)
	add("ce_id", e.ID)
	add("ce_source", e.Source)
	add("ce_type", e.Type)
	for _, optional := range [...]struct{ name, value string }{
		{"ce_subject", e.Subject}, {"ce_dataschema", e.DataSchema}, {"ce_partitionkey", e.Key}, {contentTypeHeader, e.DataContentType},
	} {
		if optional.value != "" {
			add(optional.name, optional.value)
		}
	}
	if !e.Time.IsZero() {
		var text [len(time.RFC3339Nano)]byte
		add("ce_time", string(e.Time.UTC().AppendFormat(text[:0], time.RFC3339Nano)))
	}
	for name, value := range e.Extensions {
		add(attributePrefix+name, value)
	}
	return all
}

// size is the number of bytes that a record needs, without compression.
func size(r *kgo.Record) int {
	n := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value) + headerOverhead
	}
	return n
}

// event returns the event of a record. A record that is no CloudEvent becomes one: its ID
// is its place, and its type the topic.
func event(r *kgo.Record) (eventbus.Event, error) {
	contentType, isEvent := "", false
	for _, h := range r.Headers {
		switch lower(h.Key) {
		case contentTypeHeader:
			if contentType = jsonType; string(h.Value) != jsonType { // allocates nothing for most
				contentType = string(h.Value)
			}
		case "ce_specversion":
			isEvent = true
		}
	}
	switch {
	case isCloudEvents(contentType):
		return structured(r, contentType)
	case isEvent:
		return binary(r, contentType)
	}
	return foreign(r, contentType), nil
}

// isCloudEvents reports whether the value is a whole event, or several.
func isCloudEvents(contentType string) bool {
	const prefix = "application/cloudevents"
	return len(contentType) >= len(prefix) && strings.EqualFold(contentType[:len(prefix)], prefix)
}

func structured(r *kgo.Record, contentType string) (e eventbus.Event, err error) {
	if media, _, err := mime.ParseMediaType(contentType); err != nil || media != structuredType {
		return e, fault.InvalidArgument.Errorf("its content type is %q; %s is understood", contentType, structuredType)
	}
	if err := json.Unmarshal(r.Value, &e); err != nil {
		return e, err
	}
	if e.Key == "" {
		e.Key = keyText(r.Key)
	}
	return e, nil
}

// lower is the name of a header in lower case. It is quick for the names that the bus
// writes.
func lower(name string) string {
	switch name {
	case "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_partitionkey", contentTypeHeader:
		return name
	}
	return strings.ToLower(name)
}

// binary reads the attributes from the headers. It accepts what Event.Validate accepts, and
// costs a fraction of that. The attributes share one allocation.
func binary(r *kgo.Record, contentType string) (eventbus.Event, error) {
	e := eventbus.Event{DataContentType: contentType, Data: r.Value}
	var buffer [typicalHeaders]byte
	values := buffer[:0]
	for _, h := range r.Headers {
		if isAttribute(h.Key) {
			values = append(values, h.Value...)
		}
	}
	left := string(values)
	for _, h := range r.Headers {
		if !isAttribute(h.Key) {
			continue
		}
		name, value := lower(h.Key)[len(attributePrefix):], left[:len(h.Value)]
		left = left[len(value):]
		if !utf8.ValidString(value) {
			return e, fault.InvalidArgument.Errorf("event attribute %s is no UTF-8", name)
		}
		if !mayBePrefixed(name) {
			return e, fault.InvalidArgument.Errorf("%q is no name of an event attribute", name)
		}
		if err := attribute.Set(&e, name, value); err != nil {
			return e, err
		}
	}
	if e.Key == "" {
		e.Key = keyText(r.Key)
	}
	switch {
	case e.ID == "" || e.Source == "" || e.Type == "":
		return e, fault.InvalidArgument.Errorf("an event has an id, a source and a type; this has %q, %q, %q", e.ID, e.Source, e.Type)
	case !utf8.ValidString(contentType):
		return e, fault.InvalidArgument.Errorf("event %s: its content type is no UTF-8", e.ID)
	}
	return e, nil
}

// isAttribute reports whether a header is an attribute of an event.
func isAttribute(name string) bool {
	return len(name) >= len(attributePrefix) && strings.EqualFold(name[:len(attributePrefix)], attributePrefix)
}

// mayBePrefixed reports whether an attribute may have this name, and no header of its own.
func mayBePrefixed(name string) bool {
	if name == "" || name == "data" || name == "datacontenttype" {
		return false
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// foreign makes an event of a record that is none.
func foreign(r *kgo.Record, contentType string) eventbus.Event {
	e := eventbus.Event{
		ID:     r.Topic + "/" + strconv.Itoa(int(r.Partition)) + "/" + strconv.FormatInt(r.Offset, 10),
		Source: "kafka", Type: r.Topic, Time: r.Timestamp, Key: keyText(r.Key), DataContentType: contentType, Data: r.Value,
	}
	if !utf8.ValidString(contentType) || contentType == "" && !json.Valid(r.Value) {
		e.DataContentType = "application/octet-stream" // an event without a type is JSON
	}
	for _, h := range r.Headers { // such as traceparent
		with := eventbus.Event{ID: "1", Source: "s", Type: "t", Extensions: map[string]string{h.Key: string(h.Value)}}
		if with.Validate() == nil {
			e = e.WithExtension(h.Key, string(h.Value))
		}
	}
	return e
}

// keyText is a record's key as text: one that is no text, in hexadecimal.
func keyText(key []byte) string {
	if utf8.Valid(key) {
		return string(key)
	}
	return hex.EncodeToString(key)
}
