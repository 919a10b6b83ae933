package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/sinew-go/sinew/fault"
)

const (
	// initialCapacity is the size of the buffer for a body before any of it arrives, in
	// bytes.
	initialCapacity = 4 << 10
	// maxNesting is how deep arrays and objects of a body may be nested.
	maxNesting = 100
)

// readBody reads the whole body of a request.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, bodyTooLarge(limit)
	}
	from := r.Body
	if r.ContentLength < 0 {
		from = http.MaxBytesReader(w, from, limit) // it also closes the connection instead of reading the rest
	}
	body, err := readUpTo(limit, from, r.ContentLength)
	_, over := errors.AsType[*http.MaxBytesError](err)
	switch {
	case over || int64(len(body)) > limit:
		return nil, bodyTooLarge(limit)
	case err != nil:
		return nil, fault.InvalidArgument.Errorf("the body was cut off: %w", err)
	}
	return body, nil
}

// readUpTo reads all of r, but at most limit+1 bytes: a result of more than limit bytes
// says that r has more. size is the announced size, negative if unknown. The buffer grows
// with the bytes that arrive, since whoever announces a size need not send that much.
func readUpTo(limit int64, r io.Reader, size int64) ([]byte, error) {
	size = min(size, limit-1) // cannot overflow below
	capacity := int64(initialCapacity)
	if size >= 0 {
		capacity = min(capacity, size+1) // one more, to read the end
	}
	all := make([]byte, 0, min(capacity, limit)+1)
	for int64(len(all)) <= limit {
		if len(all) == cap(all) {
			capacity := 2 * int64(cap(all))
			if size >= int64(cap(all)) {
				capacity = min(capacity, size+1)
			}
			all = append(make([]byte, 0, min(capacity, limit)+1), all...)
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

func bodyTooLarge(limit int64) error {
	return fault.InvalidArgument.Errorf("the body is larger than %d bytes", limit).WithStatus(http.StatusRequestEntityTooLarge)
}

// decode decodes one JSON value, text, into v, whose shape is s.
func decode(text []byte, v any, s *shape, strict bool) error {
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return fault.InvalidArgument.Errorf("a JSON body is needed")
	case string(bytes.TrimSpace(text)) == "null":
		return fault.InvalidArgument.Errorf("a JSON body is needed, and null is none")
	case !utf8.Valid(text):
		return fault.InvalidArgument.Errorf("the body has bytes that are no UTF-8")
	}
	if half := loneSurrogate(text); half != nil {
		return fault.InvalidArgument.Errorf("the body has %s without its other half, which is no character", half)
	}
	if err := inspect(text, s, strict, maxNesting); err != nil {
		return fault.InvalidArgument.Errorf("the body is wrong: %s", err)
	}
	return decodeError(json.Unmarshal(text, v), reflect.TypeOf(v))
}

// loneSurrogate returns the first escape in JSON text for half of a surrogate pair without
// its other half, or nil. encoding/json would silently put U+FFFD in its place.
func loneSurrogate(text []byte) []byte {
	const length = len(`\ud83d`)
	var before rune // a first half whose second half must follow
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

// decodeError explains to the sender why a body could not be decoded into a t.
func decodeError(err error, t reflect.Type) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fault.InvalidArgument.Errorf("the body is no valid JSON: %s at byte %d", e.Error(), e.Offset)
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		at := jsonPath(t, e.Field)
		if at == "" {
			at = "the body"
		}
		return fault.InvalidArgument.Errorf("%s: a JSON %s does not fit here", at, shorten(e.Value))
	}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		truncated := *e
		truncated.Message = truncate(e.Message, maxQuotedError)
		return &truncated
	}
	return fault.InvalidArgument.Errorf("the body is wrong: %s", truncate(strings.TrimPrefix(err.Error(), "json: "), maxQuotedError))
}

// jsonPath returns the path of a value as its sender knows it: the path of encoding/json
// without the names of embedded structs.
func jsonPath(t reflect.Type, path string) string {
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
