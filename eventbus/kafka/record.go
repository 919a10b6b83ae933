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
)

// The headers of the CloudEvents Kafka protocol binding.
const (
	attributePrefix   = "ce_"
	contentTypeHeader = "content-type"
	structuredType    = "application/cloudevents+json"
	specVersion       = "1.0"
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
		return nil, fault.InvalidArgument.Errorf("topic %s: event %s is too large: its record has %d bytes, Config.MaxEventBytes is %d", topic, e.ID, n, b.config.MaxEventBytes)
	}
	return r, nil
}

func header(name, value string) kgo.RecordHeader {
	return kgo.RecordHeader{Key: name, Value: []byte(value)}
}

// headers are the attributes of the event.
func headers(e eventbus.Event) []kgo.RecordHeader {
	all := make([]kgo.RecordHeader, 0, 8+len(e.Extensions))
	all = append(all,
		header("ce_specversion", specVersion), header("ce_id", e.ID), header("ce_source", e.Source), header("ce_type", e.Type),
	)
	for _, optional := range [...]struct{ name, value string }{
		{"ce_subject", e.Subject}, {"ce_dataschema", e.DataSchema}, {"ce_partitionkey", e.Key}, {contentTypeHeader, e.DataContentType},
	} {
		if optional.value != "" {
			all = append(all, header(optional.name, optional.value))
		}
	}
	if !e.Time.IsZero() {
		all = append(all, header("ce_time", e.Time.UTC().Format(time.RFC3339Nano)))
	}
	for name, value := range e.Extensions {
		all = append(all, header(attributePrefix+name, value))
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
		switch strings.ToLower(h.Key) {
		case contentTypeHeader:
			contentType = string(h.Value)
		case "ce_specversion":
			isEvent = true
		}
	}
	if media, _, err := mime.ParseMediaType(contentType); err == nil && strings.HasPrefix(media, "application/cloudevents") {
		return structured(r, media)
	}
	if !isEvent {
		return foreign(r, contentType), nil
	}
	return binary(r, contentType)
}

func structured(r *kgo.Record, media string) (e eventbus.Event, err error) {
	if media != structuredType {
		return e, fault.InvalidArgument.Errorf("its content type is %s; %s is understood", media, structuredType)
	}
	if err := json.Unmarshal(r.Value, &e); err != nil {
		return e, err
	}
	if e.Key == "" {
		e.Key = keyText(r.Key)
	}
	return e, nil
}

func binary(r *kgo.Record, contentType string) (eventbus.Event, error) {
	e := eventbus.Event{DataContentType: contentType, Data: r.Value}
	attributes := map[string]*string{
		"id": &e.ID, "source": &e.Source, "type": &e.Type, "subject": &e.Subject, "dataschema": &e.DataSchema, "partitionkey": &e.Key,
	}
	for _, h := range r.Headers {
		name, ok := strings.CutPrefix(strings.ToLower(h.Key), attributePrefix)
		if !ok {
			continue
		}
		value := string(h.Value)
		switch {
		case name == "specversion":
			if value != specVersion {
				return e, fault.InvalidArgument.Errorf("an event of specversion %q; %s is understood", value, specVersion)
			}
		case name == "time":
			at, err := time.Parse(time.RFC3339Nano, strings.ToUpper(value))
			if err != nil {
				return e, fault.InvalidArgument.Errorf("event attribute time: %w", err)
			}
			e.Time = at
		case attributes[name] != nil:
			*attributes[name] = value
		default:
			setExtension(&e, name, value)
		}
	}
	if e.Key == "" {
		e.Key = keyText(r.Key)
	}
	return e, e.Validate()
}

func setExtension(e *eventbus.Event, name, value string) {
	if e.Extensions == nil {
		e.Extensions = map[string]string{}
	}
	e.Extensions[name] = value
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
			setExtension(&e, h.Key, string(h.Value))
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
