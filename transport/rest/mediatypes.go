package rest

import (
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/fault"
)

// bytesType is the media type of bytes about which nothing is known.
const bytesType = "application/octet-stream"

// mediaTypes are the media types that a body may have, in the order of the tag.
type mediaTypes []string

// parseMediaTypes reads a tag such as "image/png, image/*". An empty one is otherwise.
func parseMediaTypes(tag, otherwise string) (all mediaTypes, err error) {
	if tag == "" {
		tag = otherwise
	}
	for one := range strings.SplitSeq(tag, ",") {
		one = strings.TrimSpace(one)
		kind, _, err := mime.ParseMediaType(one)
		if main, sub, ok := strings.Cut(kind, "/"); err != nil || !ok || main == "" || sub == "" {
			return nil, fmt.Errorf("%q is no media type", one)
		}
		all = append(all, one)
	}
	return all, nil
}

// first returns the type of a body that has not said its own.
func (t mediaTypes) first() string {
	for _, one := range t {
		if !strings.Contains(one, "*") {
			return one
		}
	}
	return bytesType
}

// has reports whether a body with this Content-Type is one of the types.
func (t mediaTypes) has(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil || strings.Contains(kind, "*") {
		return false
	}
	for _, one := range t {
		listed, _, _ := mime.ParseMediaType(one)
		main, isRange := strings.CutSuffix(listed, "*")
		if kind == listed || listed == "*/*" || isRange && strings.HasPrefix(kind, main) {
			return true
		}
	}
	return false
}

// check refuses a request whose body has another type. A body without a type is one of
// bytes, and an empty body needs none.
func (t mediaTypes) check(r *http.Request) error {
	header := strings.Join(r.Header["Content-Type"], ", ")
	switch {
	case t.has(header):
		return nil
	case header == "" && (r.ContentLength == 0 || t.has(bytesType)):
		return nil
	}
	what := strconv.Quote(shorten(header))
	if header == "" {
		what = "missing"
	}
	return fault.InvalidArgument.Errorf("the body must be %s; its Content-Type is %s", t, what).
		WithStatus(http.StatusUnsupportedMediaType)
}

// String returns the types for a message.
func (t mediaTypes) String() string { return strings.Join(t, " or ") }
