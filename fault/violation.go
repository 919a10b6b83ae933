package fault

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/sinew-go/sinew/internal/ellipsis"
)

// Bounds on the violations that leave the process, or arrive from elsewhere.
const (
	maxViolations     = 20
	maxViolationBytes = 512 // of each member
)

// Violation is one fault of a request: what is wrong with which part of it. It is an
// error, so that a method Validate() error can return one, or several with [errors.Join].
// What the caller gets is an [Error] with all of them. In a problem document it is a member
// of errors, with either a pointer, or a parameter and where it travels:
//
//	{"pointer":"/lines/0/quantity","detail":"it must be at least 1"}
//	{"parameter":"limit","in":"query","detail":"a whole number is expected, not \"x\""}
type Violation struct {
	// Pointer is where in the body the fault is, as a JSON Pointer (RFC 6901):
	// "/lines/0/quantity". Without a Parameter, "" is the body, or the request, as a whole.
	Pointer string
	// Parameter is the name of the parameter that has the fault.
	Parameter string
	// In is where the parameter travels, in the words of OpenAPI: "path", "query", "header"
	// or "cookie".
	In string
	// Detail is a sentence for the caller.
	Detail string
}

// Error returns the place and the detail: "lines[0].quantity: it must be at least 1",
// "query parameter limit: …". The body as a whole is not mentioned.
func (v Violation) Error() string {
	place := v.place()
	switch {
	case place == "":
		return v.Detail
	case v.Detail == "":
		return place
	}
	return place + ": " + v.Detail
}

func (v Violation) place() string {
	switch {
	case v.Parameter == "" && v.In == "":
		return path(v.Pointer)
	case v.Parameter == "":
		return "the " + v.In
	case v.In == "query":
		return "query parameter " + v.Parameter
	case v.In == "path":
		return "path variable " + v.Parameter
	case v.In == "":
		return "parameter " + v.Parameter
	}
	return v.In + " " + v.Parameter
}

// path returns a JSON Pointer as a Go programmer would write it: "lines[0].quantity".
func path(pointer string) string {
	var b strings.Builder
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		switch {
		case token != "" && strings.Trim(token, "0123456789") == "":
			b.WriteString("[" + token + "]")
			continue
		case b.Len() > 0:
			b.WriteByte('.')
		}
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~"))
	}
	return b.String()
}

// MarshalJSON writes either the pointer or the parameter.
func (v Violation) MarshalJSON() ([]byte, error) {
	if v.Parameter == "" && v.In == "" {
		return json.Marshal(struct {
			Pointer string `json:"pointer"`
			Detail  string `json:"detail"`
		}{v.Pointer, v.Detail})
	}
	return json.Marshal(struct {
		Parameter string `json:"parameter"`
		In        string `json:"in,omitempty"`
		Detail    string `json:"detail"`
	}{v.Parameter, v.In, v.Detail})
}

// UnmarshalJSON reads a violation. It ignores a member of a wrong type, and also reads a
// pointer in the form of a URI fragment, "#/lines/0", as in the examples of RFC 9457.
func (v *Violation) UnmarshalJSON(text []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	*v = Violation{}
	for name, into := range map[string]*string{
		"pointer": &v.Pointer, "parameter": &v.Parameter, "in": &v.In, "detail": &v.Detail,
	} {
		if json.Unmarshal(members[name], into) != nil {
			*into = ""
		}
	}
	if fragment, ok := strings.CutPrefix(v.Pointer, "#"); ok {
		if plain, err := url.PathUnescape(fragment); err == nil {
			v.Pointer = plain
		}
	}
	return nil
}

// boundViolations returns a copy of the first violations, each of bounded size. A long
// pointer becomes that of a value around the faulty one.
func boundViolations(all []Violation) []Violation {
	var bounded []Violation
	for _, v := range all[:min(len(all), maxViolations)] {
		if len(v.Pointer) > maxViolationBytes {
			v.Pointer = v.Pointer[:max(strings.LastIndexByte(v.Pointer[:maxViolationBytes], '/'), 0)]
		}
		for _, text := range []*string{&v.Parameter, &v.In, &v.Detail} {
			*text = ellipsis.Cut(*text, maxViolationBytes)
		}
		bounded = append(bounded, v)
	}
	return bounded
}
