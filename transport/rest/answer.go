package rest

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/wire"
)

// answer is a response before it is written, and as it is stored.
type answer struct {
	Status   int             `json:"status"`
	Header   http.Header     `json:"header,omitempty"` // from the fields of a success
	Body     json.RawMessage `json:"body,omitempty"`   // nil for none
	Raw      []byte          `json:"raw,omitempty"`    // a body that is no JSON, instead of Body
	Kind     string          `json:"type,omitempty"`   // media type of a body that is not that of Body
	content  io.ReadCloser   // a whole body, instead of Raw
	sequence reflect.Value   // an iter.Seq2, instead of a body
	err      error           // the failure that Body describes, if it is a problem
}

// encode encodes a response, a pointer to a Resp, in the form that its caller accepts.
func (h *handler) encode(response any, f *form) (a answer, err error) {
	a.Status = h.status
	a.Header, err = h.headerOf(response)
	if h.values != nil {
		a.sequence = h.values.in(&h.response, response)
		return a, err
	}
	if h.response.whole != nil && h.response.structOf(response).IsValid() {
		a, wrong := h.encodeWhole(a, response)
		if err != nil {
			a.close()
			return answer{}, err
		}
		return a, wrong
	}
	if err != nil || h.json.t == nil {
		return a, err
	}
	return h.encodeBody(a, f, response)
}

func errNoAnswer(route string) error {
	return fault.Internal.Errorf("%s answered nothing: return a value, or an error, or make Resp endpoint.None", route)
}

// headerOf returns the header of a response from its fields, nil if it sets none.
func (c *contract) headerOf(response any) (header http.Header, err error) {
	if len(c.response.fields) == 0 && c.response.whole == nil && (c.values == nil || c.values.field == nil) {
		return nil, nil
	}
	v := c.response.structOf(response)
	if !v.IsValid() {
		return nil, errNoAnswer(c.text)
	}
	for i := range c.response.fields {
		f := &c.response.fields[i]
		texts, err := f.formatAll(v.FieldByIndex(f.index))
		for _, text := range texts {
			if err == nil && !wire.IsHeaderValue(text) {
				err = errNoHeaderValue
			}
		}
		if err != nil {
			return nil, fault.Internal.Errorf("the answer of %s cannot be sent: %s: %w", c.text, f, err)
		}
		if len(texts) == 0 {
			continue
		}
		if header == nil {
			header = http.Header{}
		}
		name := f.name
		if f.in == "cookie" {
			name = "Set-Cookie"
		}
		header[name] = append(header[name], texts...)
	}
	return header, nil
}

// readHeader sets the fields of target, a pointer to a Resp, from the header of an answer.
func (c *contract) readHeader(target any, header http.Header) error {
	if len(c.response.fields) == 0 {
		return nil
	}
	v := reflect.ValueOf(target).Elem()
	if c.response.pointer {
		if v.IsNil() {
			v.Set(reflect.New(c.response.t))
		}
		v = v.Elem()
	}
	if c.response.overlapping {
		c.response.clearBound(v)
	}
	for i := range c.response.fields {
		f := &c.response.fields[i]
		values := header[f.name]
		if f.in == "cookie" {
			values = setCookieLines(header, f.name)
		}
		if detail := f.setAll(v, values); detail != "" {
			return fault.Violation{Parameter: f.name, In: f.in, Detail: detail}
		}
	}
	return nil
}

// encodeStored encodes a response, given as a Resp and not as a pointer to one, in the
// form that is stored.
func (h *handler) encodeStored(response any, f *form) ([]byte, error) {
	if v := reflect.ValueOf(response); v.IsValid() { // so that a pointer's MarshalJSON is found
		at := reflect.New(v.Type())
		at.Elem().Set(v)
		response = at.Interface()
	}
	a, err := h.encode(response, f)
	if err != nil {
		return nil, err
	}
	return json.Marshal(a)
}

// replay decodes a stored answer.
func replay(text []byte) (a answer, err error) {
	err = json.Unmarshal(text, &a)
	if err == nil && a.Status >= 400 {
		var p fault.Problem
		err = json.Unmarshal(a.Body, &p)
		a.err = p.Err()
	}
	if err != nil {
		return answer{}, fault.Internal.Errorf("a stored answer is unreadable: %w", err)
	}
	return a, nil
}

// setHeader sets what the fields of an answer have in its header.
func (a answer) setHeader(w http.ResponseWriter) {
	for name, values := range a.Header {
		if name == "Set-Cookie" || name == "Vary" {
			values = append(w.Header()[name], values...)
		}
		w.Header()[name] = values
	}
}

func (a answer) write(w http.ResponseWriter) {
	a.setHeader(w)
	body, kind := []byte(a.Body), jsonTypes
	switch {
	case a.Kind != "":
		kind = []string{a.Kind}
		if body == nil {
			body = a.Raw
		}
	case body == nil:
		w.WriteHeader(a.Status)
		return
	case a.Status >= 400:
		kind = problemTypes
		a.prepare(w)
	}
	w.Header()["Content-Type"] = kind
	w.WriteHeader(a.Status)
	_, _ = w.Write(body) // an error means that the caller is gone
}
