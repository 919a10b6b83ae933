package wire

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/headertext"
	"github.com/sinew-go/sinew/internal/validation"
)

// OutgoingKey returns the idempotency key of a call in ctx, "" unless the operation is
// keyed: the key in a record that was made by hand for this very call, or a new one.
func OutgoingKey(ctx context.Context, keyed bool) (string, error) {
	given := call.Of(ctx)
	switch {
	case !keyed:
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
	if len(h[HeaderKey]) != 1 {
		return ""
	}
	return headertext.OrEmpty(strings.Trim(h[HeaderKey][0], " \t")) // net/http trims blanks for HTTP/1 only
}

// IncomingKey returns the idempotency key of a request, "" if it carries none, and unless
// the operation is keyed. It refuses an unusable key, and an empty one, too: without a key
// the request would run as often as it is repeated.
func IncomingKey(record *call.Record, r *http.Request, keyed bool) (string, error) {
	switch {
	case !keyed:
		return "", nil
	case record.IdempotencyKey == "" && r.Header[HeaderKey] != nil:
		return "", badKey()
	}
	return record.IdempotencyKey, nil
}

// Scope separates the keys of different callers and of different operations.
func Scope(record *call.Record, operation string) string {
	return "route " + strconv.Quote(record.Subject) + record.Service + "\x00" + operation
}

func badKey() error {
	var all validation.Faults
	all.Add(fault.Violation{Parameter: HeaderKey, In: "header", Detail: fmt.Sprintf("it must be there once, and be printable ASCII of 1 to %d bytes", headertext.MaxLen)})
	return all.Err()
}

// IsPermanent reports whether a repeat would be refused as well.
func IsPermanent(err error) bool {
	switch fault.CodeOf(err) {
	case fault.InvalidArgument, fault.NotFound, fault.AlreadyExists, fault.PermissionDenied, fault.FailedPrecondition, fault.OutOfRange:
		return true
	}
	return false
}
