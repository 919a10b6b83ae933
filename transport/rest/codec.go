package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/wire"
)

// Codec is a form of bodies: JSON as encoding/json has it, which is [JSON], or another one,
// such as CBOR or protobuf.
type Codec struct {
	// Name is what messages call it, such as "cbor".
	Name string
	// MediaTypes are those of its bodies, in lower case and without parameters. It writes
	// the first unless Accept prefers another.
	MediaTypes []string
	// Types reports whether it is for a type, which is that of a struct and not of a pointer
	// to it. Nil is for all types.
	Types func(t reflect.Type) bool
	// Encode appends the text of what v points to to buffer. It does not change what is in
	// buffer, and does not use its room once it has returned.
	Encode func(buffer []byte, v any) ([]byte, error)
	// Decode sets what v points to, a zero value, from a whole body. It keeps no part of
	// text. Its error says what is wrong with the text: the sender sees it.
	Decode func(text []byte, v any) error
	// DecodeStrict is Decode for a route that is Strict: it refuses members that the type does
	// not have. When nil, such a route does not have the codec, unless IsJSON.
	DecodeStrict func(text []byte, v any) error
	// IsJSON says that it writes and reads what encoding/json does, without spaces between
	// the tokens. Then package rest checks a body before it is decoded, and names every
	// fault of one that is refused, as with encoding/json. What it is given may be a pointer
	// to a pointer. A type with fields outside the body tags them json:"-".
	IsJSON bool
	// Schema returns the JSON Schema of a type, for the OpenAPI document, and the schemas
	// that it refers to as "#/components/schemas/" and their name. When nil, nothing is said
	// of what is in a body, unless IsJSON.
	Schema func(t reflect.Type) (schema map[string]any, named map[string]map[string]any)

	own bool // of this package
}

// JSON returns the codec that every type has without another one: encoding/json. It is
// needed only for a place in the order of [Codecs]. It is for all types but messages of
// protobuf, which encoding/json does not read: transport/grpc has a codec for those.
func JSON() Codec { return plainJSON }

var plainJSON = Codec{
	Name: "json", MediaTypes: jsonTypes, IsJSON: true, own: true,
	Types: func(t reflect.Type) bool { return !isMessage(t) },
	Encode: func(buffer []byte, v any) ([]byte, error) {
		text, err := json.Marshal(v)
		if len(buffer) == 0 {
			return text, err
		}
		return append(buffer, text...), err
	},
	Decode: json.Unmarshal,
}

// Codecs are the codecs of a service, of some of its routes, or of a caller:
//
//	codecs := rest.Codecs{cbor}
//
//	Place.Handle(codecs.Mux(mux), place)                         // one route, or a mux made by hand
//	place := Place.Endpoint(codecs.Caller(svc.Client("order")))  // a caller
//
// sinew.Config has those of a whole service and of its callers. For each type those codecs
// count that are for it, in order. [JSON] is the first of them, unless one of them has the
// media type application/json, or JSON is in the list itself.
// A route panics if there is none for a type.
//
// A service reads a body by its Content-Type, and refuses others with 415. It answers in
// the form that Accept prefers, in the first one if Accept prefers none, and refuses with
// 406, before anything runs, a request that accepts none. A caller sends the first form and
// accepts all, the first one most. Failures are application/problem+json in any case.
// Whole bodies, parts of forms and streams have no codec.
type Codecs []Codec

// Mux returns a mux that serves routes on outer with these codecs, in place of those that
// outer has. What outer has besides Handle, such as a Subject, the returned mux has as
// well. It panics if outer is nil or c does not validate.
func (c Codecs) Mux(outer Mux) Mux {
	c.mustBeValid()
	if absent.Is(outer) {
		panic("rest.Codecs: the mux that shall serve them is nil")
	}
	return &group{outer: outer, codecs: slices.Clone(c)}
}

// Caller returns a caller that calls through outer with these codecs, in place of those
// that outer has. It panics if outer is nil or c does not validate.
func (c Codecs) Caller(outer call.Caller) call.Caller {
	c.mustBeValid()
	if absent.Is(outer) {
		panic("rest.Codecs: the caller is nil")
	}
	with := codecCaller{outer, slices.Clone(c)}
	if h, ok := outer.(http2Client); ok {
		return codecHTTP2Caller{with, h}
	}
	return with
}

// Validate returns what is wrong with the codecs, as fault.InvalidArgument.
func (c Codecs) Validate() error {
	var faults []error
	for i, one := range c {
		refuse := func(format string, args ...any) {
			faults = append(faults, fault.InvalidArgument.Errorf("codec %d (%q): %s", i+1, one.Name, fmt.Sprintf(format, args...)))
		}
		if one.Name == "" {
			refuse("it has no Name")
		}
		if one.Encode == nil || one.Decode == nil {
			refuse("Encode and Decode are both needed")
		}
		if len(one.MediaTypes) == 0 {
			refuse("it has no MediaTypes")
		}
		for _, kind := range one.MediaTypes {
			parsed, _, err := mime.ParseMediaType(kind)
			switch {
			case err != nil, parsed != kind, !strings.Contains(kind, "/"), strings.Contains(kind, "*"):
				refuse("%q is no media type in lower case and without parameters", kind)
			case kind == fault.ProblemType, kind == wire.EventStream, slices.Contains(mediaOfLines, kind):
				refuse("%s is the media type of failures or of streams", kind)
			}
		}
	}
	return errors.Join(faults...)
}

func (c Codecs) mustBeValid() {
	if err := c.Validate(); err != nil {
		panic("rest.Codecs: " + err.Error())
	}
}

// codecsOf returns the codecs of a mux or a caller, by its method Codecs.
func codecsOf(owner any) Codecs {
	if o, ok := owner.(interface{ Codecs() Codecs }); ok && !absent.Is(owner) {
		return o.Codecs()
	}
	return nil
}

// codecCaller is the caller of Codecs.
type codecCaller struct {
	call.Caller
	codecs Codecs
}

// HTTPClient returns the client that sends the attempts.
func (c codecCaller) HTTPClient() *http.Client { return clientOf(c.Caller) }

// Codecs returns the codecs that requests are sent with.
func (c codecCaller) Codecs() Codecs { return c.codecs }

// codecHTTP2Caller is a codecCaller around a caller that has an HTTP2Client.
type codecHTTP2Caller struct {
	codecCaller
	http2Client
}
