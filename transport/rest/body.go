package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/validation"
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
	tooLarge, over := errors.AsType[*http.MaxBytesError](err)
	switch {
	case over: // by this limit, or by a lower one of a middleware
		return nil, bodyTooLarge(tooLarge.Limit)
	case int64(len(body)) > limit:
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

func lineTooLarge(limit int64) error {
	return fault.InvalidArgument.Errorf("a line of the body is larger than %d bytes", limit).
		WithStatus(http.StatusRequestEntityTooLarge)
}

func bodyTooLarge(limit int64) error {
	return fault.InvalidArgument.Errorf("the body is larger than %d bytes", limit).WithStatus(http.StatusRequestEntityTooLarge)
}

// decode decodes one JSON value, text, into v, whose shape is s. Its errors are for
// bodyFaults.
func decode(text []byte, v any, s *shape, strict bool) error {
	return decodeBy(json.Unmarshal, text, v, s, strict)
}

// decodeBy decodes one JSON value by unmarshal, as decode does.
func decodeBy(unmarshal func([]byte, any) error, text []byte, v any, s *shape, strict bool) error {
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return unreadableError("a JSON body is needed")
	case string(bytes.TrimSpace(text)) == "null":
		return unreadableError("a JSON body is needed, and null is none")
	case !utf8.Valid(text):
		return unreadableError("the body has bytes that are no UTF-8")
	}
	if half := loneSurrogate(text); half != nil {
		return unreadableError("the body has " + string(half) + " without its other half, which is no character")
	}
	plain, err := inspected(text, s, strict, maxNesting)
	if err != nil {
		return err
	}
	return unmarshal(plain, v)
}

// unreadableError says what is wrong with a body that cannot be read at all.
type unreadableError string

func (e unreadableError) Error() string { return string(e) }

// bodyFaults returns the faults of a request with what is wrong with its body, for which
// decode has returned err: everything that is, unless the body is no JSON.
func bodyFaults(all validation.Faults, text []byte, s *shape, strict bool, err error) validation.Faults {
	if e, ok := errors.AsType[unreadableError](err); ok {
		all.Add(fault.Violation{Detail: string(e)})
		return all
	}
	if e, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(text, new(json.RawMessage))); ok {
		all.Add(fault.Violation{Detail: fmt.Sprintf("the body is no valid JSON: %s at byte %d", e.Error(), e.Offset)})
		return all
	}
	before := all.Len()
	collectFaults(&all, text, s, strict, maxNesting)
	if all.Len() == before { // encoding/json has reached a decoder in another way
		all.Add(fault.Violation{Detail: "the body: " + detailOf(err)})
	}
	return all
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
