package nats

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/attribute"
)

// The headers of the CloudEvents NATS protocol binding.
const (
	attributePrefix = "ce-"
	versionHeader   = "ce-specversion"
)

// message returns the event as a message without a subject. It is fault.InvalidArgument if
// the event is not valid.
func (b *Bus) message(topic string, e *eventbus.Event) (*nats.Msg, error) {
	if b.config.Structured {
		data, err := json.Marshal(e)
		if err != nil {
			return nil, fault.InvalidArgument.Errorf("topic %s: %w", topic, err)
		}
		return &nats.Msg{Data: data, Header: nats.Header{}}, nil
	}
	if err := e.Validate(); err != nil {
		return nil, fault.InvalidArgument.Errorf("topic %s: %w", topic, err)
	}
	if year := e.Time.UTC().Year(); year < 0 || year > 9999 {
		return nil, fault.InvalidArgument.Errorf("topic %s: event %s: the year %d has no form in RFC 3339", topic, e.ID, year)
	}
	return &nats.Msg{Data: e.Data, Header: headers(e)}, nil
}

// headers are the attributes of the event. Their values share one allocation.
func headers(e *eventbus.Event) nats.Header {
	const attributes = 9
	all := make(nats.Header, attributes+len(e.Extensions)+1) // and the ID of the message
	values := make([]string, 0, attributes+len(e.Extensions))
	add := func(name, value string) {
		values = append(values, encoded(value))
		all[name] = values[len(values)-1:]
	}
	add(versionHeader, attribute.SpecVersion)
	add("ce-id", e.ID)
	add("ce-source", e.Source)
	add("ce-type", e.Type)
	for _, optional := range [...]struct{ name, value string }{
		{"ce-subject", e.Subject}, {"ce-dataschema", e.DataSchema}, {"ce-partitionkey", e.Key}, {"ce-datacontenttype", e.DataContentType},
	} {
		if optional.value != "" {
			add(optional.name, optional.value)
		}
	}
	if !e.Time.IsZero() {
		add("ce-time", e.Time.UTC().Format(time.RFC3339Nano))
	}
	for name, value := range e.Extensions {
		add(attributePrefix+name, value)
	}
	return all
}

// isPlain reports whether a byte of a header's value stands for itself.
func isPlain(c byte) bool { return c > ' ' && c <= '~' && c != '"' && c != '%' }

const upperHex = "0123456789ABCDEF"

// encoded returns the value of an attribute as a header has it: percent-encoded, as the
// binding says.
func encoded(value string) string {
	i := 0
	for i < len(value) && isPlain(value[i]) {
		i++
	}
	if i == len(value) {
		return value
	}
	var b strings.Builder
	b.WriteString(value[:i])
	for _, c := range []byte(value[i:]) {
		if isPlain(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', upperHex[c>>4], upperHex[c&15]})
		}
	}
	return b.String()
}

// decoded returns the value of an attribute. What is no percent-encoding stands for itself,
// since not every client encodes.
func decoded(value string) string {
	i := strings.IndexByte(value, '%')
	if i < 0 {
		return value
	}
	b := []byte(value[:i])
	for ; i < len(value); i++ {
		if value[i] == '%' && i+2 < len(value) {
			high, low := fromHex(value[i+1]), fromHex(value[i+2])
			if high >= 0 && low >= 0 {
				b = append(b, byte(high<<4|low)) //nolint:gosec // two digits
				i += 2
				continue
			}
		}
		b = append(b, value[i])
	}
	return string(b)
}

// fromHex is the value of a hexadecimal digit, or -1.
func fromHex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// event returns the event of a message: in binary mode if it has the header ce-specversion,
// otherwise in structured mode.
func event(m jetstream.Msg) (e eventbus.Event, err error) {
	h := m.Headers()
	isBinary := false
	for name := range h {
		isBinary = isBinary || strings.EqualFold(name, versionHeader)
	}
	if !isBinary {
		err = json.Unmarshal(m.Data(), &e)
		return e, err
	}
	e.Data = m.Data()
	for name, values := range h {
		if len(name) < len(attributePrefix) || !strings.EqualFold(name[:len(attributePrefix)], attributePrefix) || len(values) == 0 {
			continue
		}
		name, value := strings.ToLower(name[len(attributePrefix):]), decoded(values[0])
		if name == "datacontenttype" {
			e.DataContentType = value
		} else if err := attribute.Set(&e, name, value); err != nil {
			return e, err
		}
	}
	return e, e.Validate()
}
