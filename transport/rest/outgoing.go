package rest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/redact"
	"github.com/sinew-go/sinew/internal/wire"
)

// outgoing is an encoded request. Each attempt sends it again.
type outgoing struct {
	name   string // the route's name
	method string
	path   string // escaped, with the query
	header http.Header
	body   []byte   // nil for none
	kind   []string // media type of body, nil for that in header
	upload *upload  // a streamed body, instead of body
	key    string   // idempotency key
}

// outgoing encodes a request, which is a pointer to its struct.
func (c *contract) outgoing(request any, key string) (m outgoing, err error) {
	m = outgoing{name: c.text, method: c.method, key: key}
	v := reflect.Value{}
	if c.request.t != nil {
		v = reflect.ValueOf(request).Elem()
		if !v.IsValid() {
			return m, fault.InvalidArgument.Errorf("%s: the request is nil", c.text)
		}
	}
	if err := c.setParameters(&m, v); err != nil {
		return m, err
	}
	if c.values != nil && m.header["Accept"] == nil {
		m.setHeader("Accept", c.values.accept())
	}
	if c.accept != "" && m.header["Accept"] == nil {
		m.setHeader("Accept", c.accept)
	}
	if c.request.whole != nil {
		return m, c.setWhole(&m, v)
	}
	if c.request.body {
		m.kind = c.requests[0].header
		m.body, err = c.encodeRequest(request)
	}
	return m, err
}

// setParameters sets the path, the query, the headers and the cookies from the fields of v.
func (c *contract) setParameters(m *outgoing, v reflect.Value) error {
	path := make([]byte, 0, 128)
	for _, s := range c.segments {
		path = append(append(path, '/'), s.literal...)
		if s.name != "" {
			text, err := c.pathValue(s, v)
			if err != nil {
				return err
			}
			path = append(path, text...)
		}
	}
	var query url.Values
	for i := range c.request.fields {
		f := &c.request.fields[i]
		if f.in == "path" {
			continue
		}
		texts, err := f.formatAll(v.FieldByIndex(f.index))
		if err != nil {
			return fault.InvalidArgument.Errorf("%s: %s: %w", c.text, f, err)
		}
		for _, text := range texts {
			if f.in == "query" && query == nil {
				query = url.Values{}
			} else if f.in != "query" && m.header == nil {
				m.header = http.Header{}
			}
			switch {
			case f.in == "query":
				query.Add(f.name, text)
			case f.in == "cookie":
				err = addCookie(m.header, f.name, text)
			case wire.IsHeaderValue(text):
				m.header[f.name] = append(m.header[f.name], text)
			default:
				err = errNoHeaderValue
			}
			if err != nil {
				return fault.InvalidArgument.Errorf("%s: %s: %s", c.text, f, err.Error())
			}
		}
	}
	if query != nil {
		path = append(append(path, '?'), query.Encode()...)
	}
	m.path = string(path)
	return nil
}

// pathValue returns the escaped value of a path variable.
func (c *contract) pathValue(s segment, v reflect.Value) (string, error) {
	f := c.request.variable(s.name)
	text, err := f.format(v.FieldByIndex(f.index))
	switch {
	case err != nil:
		return "", fault.InvalidArgument.Errorf("%s: %s: %w", c.text, f, err)
	case s.multi:
		return escapeRest(text), nil
	case text == "":
		return "", fault.InvalidArgument.Errorf("%s: %s is empty", c.text, f)
	case text == "/": // net/http would read it as the end of the path
		return "", fault.InvalidArgument.Errorf("%s: %s cannot be a slash alone", c.text, f)
	}
	return escapeSegment(text), nil
}

// setWhole sets the body from the field of v that is the whole of it.
func (c *contract) setWhole(m *outgoing, v reflect.Value) (err error) {
	whole := c.request.whole
	field := v.FieldByIndex(whole.index)
	if whole.form == bytesForm {
		m.body = append([]byte{}, field.Bytes()...)
	} else if whole.form == partsForm {
		parts, _ := field.Interface().(Parts)
		var kind string
		m.upload, kind = uploadParts(parts)
		m.setHeader(contentTypeName, kind)
		return nil
	} else if whole.form == valuesForm {
		m.upload = whole.values.upload(field)
	} else if r, ok := field.Interface().(io.Reader); ok {
		m.upload, err = uploadOf(r)
	}
	switch kind := m.header.Get(contentTypeName); {
	case err != nil:
		return fault.InvalidArgument.Errorf("%s: the body cannot be read: %w", c.text, err)
	case kind != "" && !whole.types.has(kind):
		return fault.InvalidArgument.Errorf("%s: the body is of type %q, and the route has %s", c.text, kind, whole.types)
	case kind == "":
		m.setHeader(contentTypeName, whole.types.first())
	}
	return nil
}

func (m *outgoing) setHeader(name, value string) {
	if m.header == nil {
		m.header = http.Header{}
	}
	m.header[name] = []string{value}
}

// request returns the HTTP request of one attempt at addr, and its body if that is
// streamed. The attempt ends that body.
func (m *outgoing) request(ctx context.Context, addr string) (r *http.Request, sent *sending, err error) {
	var body io.Reader
	if m.body != nil {
		body = bytes.NewReader(m.body)
	}
	r, err = http.NewRequestWithContext(ctx, m.method, strings.TrimSuffix(addr, "/")+m.path, body)
	if err != nil {
		return nil, nil, fault.Unavailable.Errorf("%s cannot be sent to the address %q: %w", m.name, redact.URL(addr), redact.Error(err)).WithUnprocessed()
	}
	if m.upload != nil {
		if sent, err = m.upload.begin(); err != nil {
			return nil, nil, err
		}
		r.Body, r.ContentLength = sent, m.upload.size
		if m.upload.size == 0 { // net/http reads it as unknown
			r.Body = http.NoBody
		}
	}
	for name, values := range m.header {
		r.Header[name] = values
	}
	if m.kind != nil {
		r.Header[contentTypeName] = m.kind
	}
	if m.key != "" {
		r.Header[wire.HeaderKey] = []string{m.key}
	}
	wire.Inject(ctx, r.Header)
	return r, sent, nil
}
