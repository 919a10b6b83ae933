package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sinew-go/sinew/fault"
)

const (
	jsonType = "application/json"
	// maxAhead is how much room is made for a body before any of it came.
	maxAhead = 1 << 20
	// maxNesting is how deep arrays and objects of a body may lie in one another.
	maxNesting = 100
)

// readBody is the whole body of a request.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	from := r.Body
	if r.ContentLength < 0 {
		from = http.MaxBytesReader(w, from, limit) // it also ends the connection, rather than read on
	}
	body, err := readUpTo(limit, from, r.ContentLength)
	_, over := errors.AsType[*http.MaxBytesError](err)
	switch {
	case over || int64(len(body)) > limit:
		return nil, tooLarge(limit)
	case err != nil:
		return nil, fault.InvalidArgument.Errorf("the body was cut off: %w", err)
	}
	return body, nil
}

// readUpTo reads all of r, and of what has more than limit bytes a byte more than
// that. size is how much there should be, below zero when that is not known.
func readUpTo(limit int64, r io.Reader, size int64) ([]byte, error) {
	if size < 0 {
		size = 511
	}
	all := make([]byte, 0, min(size, limit, maxAhead)+1) // room to meet the end
	for int64(len(all)) <= limit {
		if len(all) == cap(all) {
			all = slices.Grow(all, 1)
		}
		room := min(int64(cap(all))-1, limit) + 1
		n, err := r.Read(all[len(all):room])
		all = all[:len(all)+n]
		if err == io.EOF { //nolint:errorlint // as readers must return it
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

func tooLarge(limit int64) error {
	return fault.InvalidArgument.Errorf("the body is larger than %d bytes", limit).WithStatus(http.StatusRequestEntityTooLarge)
}

// declaredJSON refuses a media type that is not JSON in UTF-8.
func declaredJSON(header string) error {
	if header == jsonType {
		return nil
	}
	kind, params, err := mime.ParseMediaType(header)
	charset := strings.ToLower(params["charset"])
	if err == nil && kind == jsonType && (charset == "" || charset == "utf-8" || charset == "utf8") {
		return nil
	}
	what := strconv.Quote(shortened(header))
	if header == "" {
		what = "missing"
	}
	return fault.InvalidArgument.Errorf("the body must be %s; its Content-Type is %s", jsonType, what).WithStatus(http.StatusUnsupportedMediaType)
}

// decode reads one JSON value of text into v.
func decode(text []byte, v any, strict bool) error {
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return fault.InvalidArgument.Errorf("a JSON body is needed")
	case string(bytes.TrimSpace(text)) == "null":
		return fault.InvalidArgument.Errorf("a JSON body is needed, and null is none")
	case !utf8.Valid(text):
		return fault.InvalidArgument.Errorf("the body has bytes that are no UTF-8")
	case len(text) > maxNesting && nesting(text) > maxNesting:
		return fault.InvalidArgument.Errorf("the body is nested deeper than %d", maxNesting)
	}
	var err error
	if strict {
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err = d.Decode(v); err == nil {
			if _, more := d.Token(); more != io.EOF {
				return fault.InvalidArgument.Errorf("the body goes on after its JSON value")
			}
		}
	} else {
		err = json.Unmarshal(text, v)
	}
	return undecoded(err, reflect.TypeOf(v))
}

// undecoded is why a body could not be decoded into a t, in words for its sender.
func undecoded(err error, t reflect.Type) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fault.InvalidArgument.Errorf("the body is no valid JSON: %s at byte %d", e.Error(), e.Offset)
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		at := place(t, e.Field)
		if at == "" {
			at = "the body"
		}
		return fault.InvalidArgument.Errorf("%s: a JSON %s does not fit here", at, e.Value)
	}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e
	}
	return fault.InvalidArgument.Errorf("the body is wrong: %s", strings.TrimPrefix(err.Error(), "json: "))
}

// place is the path of a value as its sender knows it: encoding/json has the names
// of embedded structs in it, too.
func place(t reflect.Type, path string) string {
	var known []string
	for part := range strings.SplitSeq(path, ".") {
		for t != nil && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map) {
			t = t.Elem()
		}
		f, embedded := fieldOf(t, part)
		if t = f; !embedded {
			known = append(known, part)
		}
	}
	return strings.Join(known, ".")
}

// fieldOf is the type of what a struct has under this name, nil if nothing, and
// whether that is an embedded struct's own name.
func fieldOf(t reflect.Type, name string) (of reflect.Type, embedded bool) {
	if t == nil || t.Kind() != reflect.Struct {
		return nil, false
	}
	for f := range t.Fields() {
		switch {
		case flattened(f) && f.Name == name:
			return f.Type, true
		case jsonName(f) == name:
			return f.Type, false
		}
	}
	return nil, false
}

// nesting is how deep arrays and objects lie in one another, at most.
func nesting(text []byte) int {
	depth, deepest := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			depth++
			deepest = max(deepest, depth)
		case '}', ']':
			depth--
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		}
	}
	return deepest
}

func wholeSeconds(d time.Duration) string {
	return strconv.FormatInt(int64((d-1)/time.Second)+1, 10)
}
