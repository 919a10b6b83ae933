package rest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/sinew-go/sinew/fault"
)

const (
	jsonType = "application/json"
	// firstRoom is how much room is made for a body before any of it came, in bytes.
	firstRoom = 4 << 10
	// maxNesting is how deep arrays and objects of a body may lie in one another.
	maxNesting = 100
	// maxSaid is how much an answer has of what a type says that does not read a
	// value, in bytes.
	maxSaid = 512
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
// that. size is how much there should be, below zero when that is not known; room is
// made as the bytes come, since whoever announces them need not send any.
func readUpTo(limit int64, r io.Reader, size int64) ([]byte, error) {
	size = min(size, limit-1) // no overflow
	room := int64(firstRoom)
	if size >= 0 {
		room = min(room, size+1) // to meet the end
	}
	all := make([]byte, 0, min(room, limit)+1)
	for int64(len(all)) <= limit {
		if len(all) == cap(all) {
			room := 2 * int64(cap(all))
			if size >= int64(cap(all)) {
				room = min(room, size+1)
			}
			all = append(make([]byte, 0, min(room, limit)+1), all...)
		}
		n, err := r.Read(all[len(all):cap(all)])
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

// declaredJSON refuses a media type that is not JSON in UTF-8, and several, of which
// others on the way may have seen another one.
func declaredJSON(headers []string) error {
	header := strings.Join(headers, ", ")
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

// unpacked refuses a body in a coding that nothing has taken off.
func unpacked(w http.ResponseWriter, header http.Header) error {
	coding := strings.Join(header["Content-Encoding"], ", ")
	if coding == "" || strings.EqualFold(coding, "identity") {
		return nil
	}
	w.Header()["Accept-Encoding"] = []string{"identity"}
	return fault.InvalidArgument.Errorf("the body is encoded as %q, and is taken as it is alone", shortened(coding)).WithStatus(http.StatusUnsupportedMediaType)
}

// decode reads one JSON value of text into v, whose shape is s.
func decode(text []byte, v any, s *shape, strict bool) error {
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return fault.InvalidArgument.Errorf("a JSON body is needed")
	case string(bytes.TrimSpace(text)) == "null":
		return fault.InvalidArgument.Errorf("a JSON body is needed, and null is none")
	case !utf8.Valid(text):
		return fault.InvalidArgument.Errorf("the body has bytes that are no UTF-8")
	}
	if half := unpaired(text); half != nil {
		return fault.InvalidArgument.Errorf("the body has %s without its other half, which is no character", half)
	}
	if err := inspect(text, s, strict, maxNesting); err != nil {
		return fault.InvalidArgument.Errorf("the body is wrong: %s", err)
	}
	return undecoded(json.Unmarshal(text, v), reflect.TypeOf(v))
}

// unpaired is the first escape in JSON text for half of a character, nil where there
// is none: encoding/json would put another character in its place.
func unpaired(text []byte) []byte {
	const length = len(`\ud83d`)
	var before rune // a first half that waits for its second
	var at int
	for i := bytes.IndexByte(text, '\\'); i >= 0 && i+1 < len(text); {
		end, half := i+2, rune(0)
		if text[i+1] == 'u' && i+length <= len(text) {
			end = i + length
			if n, err := strconv.ParseUint(string(text[i+2:end]), 16, 16); err == nil && utf16.IsSurrogate(rune(n)) {
				half = rune(n)
			}
		}
		switch {
		case before != 0 && (i != at+length || utf16.DecodeRune(before, half) == utf8.RuneError):
			return text[at : at+length]
		case before != 0:
			before = 0
		case half >= 0xdc00: // a second half without a first
			return text[i:end]
		default:
			before, at = half, i
		}
		next := bytes.IndexByte(text[end:], '\\')
		if next < 0 {
			break
		}
		i = end + next
	}
	if before != 0 {
		return text[at : at+length]
	}
	return nil
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
		return fault.InvalidArgument.Errorf("%s: a JSON %s does not fit here", at, shortened(e.Value))
	}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		said := *e
		said.Message = cut(e.Message, maxSaid)
		return &said
	}
	return fault.InvalidArgument.Errorf("the body is wrong: %s", cut(strings.TrimPrefix(err.Error(), "json: "), maxSaid))
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
		tag, _, written := jsonTag(f)
		switch {
		case flattened(f) && f.Name == name:
			return f.Type, true
		case written && cmp.Or(tag, f.Name) == name:
			return f.Type, false
		}
	}
	return nil, false
}

func wholeSeconds(d time.Duration) string {
	return strconv.FormatInt(int64((d-1)/time.Second)+1, 10)
}
