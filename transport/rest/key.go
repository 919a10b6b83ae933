package rest

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/headertext"
	"github.com/sinew-go/sinew/internal/validation"
)

// outgoingKey returns the idempotency key of a call, "" if the route has none: the key in
// a record that was made by hand for this very call, or a new one.
func (c *contract) outgoingKey(given *call.Record) (string, error) {
	switch {
	case !c.keyed:
		return "", nil
	case given == nil || given.Operation != (call.Operation{}) || given.IdempotencyKey == "":
		return rand.Text(), nil
	case headertext.OrEmpty(given.IdempotencyKey) == "":
		return "", badKey()
	}
	return given.IdempotencyKey, nil
}

// readKey returns the idempotency key in a header, "" if it is absent or unusable. Of
// several values none is right: a proxy on the way may see another one.
func readKey(h http.Header) string {
	if len(h[headerKey]) != 1 {
		return ""
	}
	return headertext.OrEmpty(strings.Trim(h[headerKey][0], " \t")) // net/http trims blanks for HTTP/1 only
}

// incomingKey returns the idempotency key of a request, "" if it carries none or the route
// uses none. It refuses an unusable key, and an empty one, too: without a key the request
// would run as often as it is repeated.
func (c *contract) incomingKey(record *call.Record, r *http.Request) (string, error) {
	switch {
	case !c.keyed:
		return "", nil
	case record.IdempotencyKey == "" && r.Header[headerKey] != nil:
		return "", badKey()
	}
	return record.IdempotencyKey, nil
}

// scope separates the keys of different callers and of different routes.
func (c *contract) scope(record *call.Record) string {
	return "route " + strconv.Quote(record.Subject) + record.Service + "\x00" + c.text
}

// fingerprint identifies a request among those with its key, by everything that is bound.
func (c *contract) fingerprint(r *http.Request, body []byte) []byte {
	sum := sha256.New()
	sum.Write([]byte(strconv.Quote(r.URL.Path) + "?" + r.URL.RawQuery + "\n"))
	for i := range c.request.fields {
		f := &c.request.fields[i]
		values := r.Header[f.name]
		switch f.in {
		case "cookie":
			values = cookieValues(r, f.name)
		case "header":
		default:
			continue
		}
		for _, value := range values {
			sum.Write([]byte(f.name + ":" + value + "\n"))
		}
	}
	sum.Write(body)
	return sum.Sum(nil)
}

func badKey() error {
	detail := fmt.Sprintf("it must be there once, and be printable ASCII of 1 to %d bytes", headertext.MaxLen)
	var all validation.Faults
	all.Add(fault.Violation{Parameter: headerKey, In: "header", Detail: detail})
	return all.Err()
}
