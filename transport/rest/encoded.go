package rest

import (
	"mime"
	"net/http"
	"reflect"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/ellipsis"
	"github.com/sinew-go/sinew/internal/validation"
)

// decodeBody decodes the body of a request into v, a pointer to its struct. Its errors are
// for undecoded.
func (h *handler) decodeBody(f *form, body []byte, v any) error {
	if f.own && h.request.plain.read(body, v, h.strict) {
		return nil
	}
	if f.IsJSON {
		return decodeBy(f.Decode, body, v, h.request.shape, h.strict)
	}
	if h.strict {
		return f.DecodeStrict(body, v)
	}
	return f.Decode(body, v)
}

// checkForms panics if a body has no codec.
func (c *contract) checkForms() {
	if c.values != nil && isMessage(deref(c.values.data.t)) {
		c.refuse("a stream is JSON of encoding/json, which does not write %s, a message of protobuf: "+
			"make it a stream of package transport/grpc, or of a type of your own", c.values.data.t)
	}
	why := "%s is %s, for which there is no codec"
	if c.strict {
		why += " that can be Strict"
	}
	why += ": add one to Codecs, such as grpc.ProtoJSON() of package transport/grpc"
	if c.request.body && len(c.requests) == 0 {
		c.refuse(why, "Req", c.request.t)
	}
	if c.json.t != nil && len(c.answers) == 0 {
		c.refuse(why, "Resp", c.json.t)
	}
}

// undecoded returns the faults of a request with what is wrong with its body, for which
// decodeBody has returned err.
func (h *handler) undecoded(f *form, all validation.Faults, body []byte, err error) validation.Faults {
	if f.IsJSON {
		return bodyFaults(all, body, h.request.shape, h.strict, err)
	}
	all.Add(fault.Violation{Detail: ellipsis.Cut("the body cannot be read as "+f.kind+": "+messageOf(err), maxQuotedError)})
	return all
}

// encodeBody adds to a the body of a response, a pointer to a Resp.
func (h *handler) encodeBody(a answer, f *form, response any) (answer, error) {
	if !f.IsJSON {
		if response = pointerOf(response); response == nil {
			return answer{}, errNoAnswer(h.text)
		}
	}
	text, err := f.Encode(nil, response)
	if err != nil {
		return answer{}, fault.Internal.Errorf("the answer of %s has no %s form: %w", h.text, f.noun(), err)
	}
	if f.kind != jsonType || !f.IsJSON {
		a.Kind = f.kind
	}
	if !f.IsJSON {
		a.Raw = text
		return a, nil
	}
	if a.Body = h.json.fill.fill(text); h.json.isNothing(a.Body) {
		return answer{}, errNoAnswer(h.text)
	}
	return a, nil
}

// isNothing reports whether the text of an answer is null where null says nothing.
func (c jsonCodec) isNothing(text []byte) bool {
	return string(text) == "null" && c.t.Kind() != reflect.Interface && !decodesItself(c.t)
}

// noun is what messages call the form.
func (f *form) noun() string {
	if f.IsJSON {
		return "JSON"
	}
	return f.Name
}

// pointerOf returns what at points to if that is a pointer, and else at; nil if that is nil.
func pointerOf(at any) any {
	v := reflect.ValueOf(at).Elem()
	if v.Kind() != reflect.Pointer {
		return at
	}
	if v.IsNil() {
		return nil
	}
	return v.Interface()
}

// readBody sets target, a pointer to a Resp, from the body of an answer.
func (c *contract) readBody(header http.Header, body []byte, target any) error {
	f := c.answers[0]
	if len(c.answers) > 1 {
		kind, params, err := mime.ParseMediaType(header.Get(contentTypeName))
		if f = c.answers.of(kind); err != nil || f == nil || !isUTF8(params["charset"]) {
			return fault.Internal.Errorf("it must be %s; its Content-Type is %q", c.answers, shorten(header.Get(contentTypeName)))
		}
	}
	return f.guard(func() error {
		if f.own {
			return c.json.read(body, target)
		}
		if f.IsJSON {
			return c.json.readBy(f.Decode, body, target)
		}
		if v := reflect.ValueOf(target).Elem(); v.Kind() == reflect.Pointer {
			v.Set(reflect.New(v.Type().Elem()))
			target = v.Interface()
		}
		return f.Decode(body, target)
	})
}

// guard returns what run does with the codec of somebody else, whose panic is a failure of
// the call.
func (f *form) guard(run func() error) (err error) {
	if f.own {
		return run()
	}
	defer func() {
		if p := recover(); p != nil {
			err = fault.Internal.Errorf("the codec %s panicked: %v", f.Name, p)
		}
	}()
	return run()
}

// encodeRequest returns the body of a request, a pointer to its struct.
func (c *contract) encodeRequest(request any) (text []byte, err error) {
	f := c.requests[0]
	err = f.guard(func() error {
		text, err = f.Encode(nil, request)
		return err
	})
	if err != nil && fault.CodeOf(err) != fault.Internal {
		err = fault.InvalidArgument.Errorf("%s: the request has no %s form: %w", c.text, f.noun(), err)
	}
	if text == nil {
		text = []byte{} // a body that is empty is one
	}
	return text, err
}
