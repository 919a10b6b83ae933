package watermill

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/attribute"
)

// The names of attributes in the metadata of a message.
const (
	prefix      = "ce_"
	contentType = "content-type"
)

// metadataExtension is the extension of an event with the metadata of a message that are no
// attributes, as JSON.
const metadataExtension = "watermillmetadata"

// Event returns the message as an event. It is fault.InvalidArgument if an attribute in its
// metadata is wrong.
func Event(topic string, m *message.Message) (eventbus.Event, error) {
	e := eventbus.Event{ID: m.UUID, Data: m.Payload}
	own := map[string]string{}
	for name, value := range m.Metadata {
		unprefixed, isAttribute := strings.CutPrefix(name, prefix)
		switch {
		case unprefixed == contentType:
			e.DataContentType = value
		case !isAttribute:
			own[name] = value
		case unprefixed == "id": // the UUID is
		default:
			if err := attribute.Set(&e, unprefixed, value); err != nil {
				return e, fault.InvalidArgument.Errorf("topic %s: message %s: %s: %w", topic, m.UUID, name, err)
			}
		}
	}
	if len(own) > 0 {
		text, err := json.Marshal(own)
		if err != nil {
			return e, fault.InvalidArgument.Errorf("topic %s: message %s: its metadata: %w", topic, m.UUID, err)
		}
		e = e.WithExtension(metadataExtension, string(text))
	}
	_, complete := m.Metadata["ce_specversion"] // and so has no type on purpose
	if e.DataContentType == "" && !complete && !json.Valid(e.Data) {
		e.DataContentType = "application/octet-stream" // an event without a type is JSON
	}
	return e, nil
}

// Message returns the event as a message, with its attributes in the metadata.
func Message(e eventbus.Event) *message.Message {
	m := message.NewMessage(e.ID, e.Data)
	_ = json.Unmarshal([]byte(e.Extensions[metadataExtension]), &m.Metadata) // of another writer it may be anything
	if m.Metadata == nil {
		m.Metadata = message.Metadata{}
	}
	set := func(name, value string) {
		if value != "" {
			m.Metadata[name] = value
		}
	}
	set("ce_specversion", attribute.SpecVersion)
	set("ce_id", e.ID)
	set("ce_source", e.Source)
	set("ce_type", e.Type)
	set("ce_subject", e.Subject)
	set("ce_dataschema", e.DataSchema)
	set("ce_partitionkey", e.Key)
	set(contentType, e.DataContentType)
	if !e.Time.IsZero() {
		set("ce_time", e.Time.UTC().Format(time.RFC3339Nano))
	}
	for name, value := range e.Extensions {
		if name != metadataExtension {
			m.Metadata[prefix+name] = value
		}
	}
	return m
}
