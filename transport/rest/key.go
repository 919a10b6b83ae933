package rest

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/headertext"
)

// outgoingKey is the idempotency key of a call, "" where the route takes none:
// the one in a record made by hand for this very call, or a new one.
func (c *contract) outgoingKey(given *endpoint.Call) (string, error) {
	switch {
	case !c.keyed:
		return "", nil
	case given == nil || given.Operation != (endpoint.Operation{}) || given.IdempotencyKey == "":
		return rand.Text(), nil
	case headertext.OrEmpty(given.IdempotencyKey) == "":
		return "", badKey()
	}
	return given.IdempotencyKey, nil
}

// keyIn is the idempotency key in a header, "" where there is none that can be kept.
// Of several none is the right one: what is in between may see another.
func keyIn(h http.Header) string {
	if len(h[headerKey]) != 1 {
		return ""
	}
	return headertext.OrEmpty(strings.Trim(h[headerKey][0], " \t")) // HTTP/1 has taken the blanks off, HTTP/2 has not
}

// incomingKey is the idempotency key of a request, "" where it has none or the
// route takes none. One that cannot be kept is refused, an empty one, too: without it
// the request would run as often as it is repeated.
func (c *contract) incomingKey(call *endpoint.Call, r *http.Request) (string, error) {
	switch {
	case !c.keyed:
		return "", nil
	case call.IdempotencyKey == "" && r.Header[headerKey] != nil:
		return "", badKey()
	}
	return call.IdempotencyKey, nil
}

// scope keeps the keys of different callers, and of different routes, apart.
func (c *contract) scope(call *endpoint.Call) string {
	return "route " + strconv.Quote(call.Subject) + call.Service + "\x00" + c.text
}

// fingerprint tells a request from others with its key: by all that is bound.
func (c *contract) fingerprint(r *http.Request, body []byte) []byte {
	sum := sha256.New()
	sum.Write([]byte(strconv.Quote(r.URL.Path) + "?" + r.URL.RawQuery + "\n"))
	for i := range c.request.fields {
		if f := &c.request.fields[i]; f.in == "header" && len(r.Header[f.name]) > 0 {
			sum.Write([]byte(f.name + ":" + r.Header[f.name][0] + "\n"))
		}
	}
	sum.Write(body)
	return sum.Sum(nil)
}

func badKey() error {
	return fault.InvalidArgument.Errorf("the %s must be there once, and be printable ASCII of 1 to %d bytes", headerKey, headertext.MaxLen)
}
