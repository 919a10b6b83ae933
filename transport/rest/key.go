package rest

import (
	"crypto/rand"
	"net/http"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

// outgoingKey is the idempotency key of a call, "" where the route takes none:
// the one in a record made by hand for this very call, or a new one.
func (c *contract) outgoingKey(given *endpoint.Call) (string, error) {
	switch {
	case !c.keyed:
		return "", nil
	case given == nil || given.Operation != (endpoint.Operation{}) || given.IdempotencyKey == "":
		return rand.Text(), nil
	case plain(given.IdempotencyKey) == "":
		return "", badKey()
	}
	return given.IdempotencyKey, nil
}

// incomingKey is the idempotency key of a request, "" where it has none or the
// route takes none. One that cannot be kept is refused: without it the request
// would run as often as it is repeated.
func (c *contract) incomingKey(call *endpoint.Call, r *http.Request) (string, error) {
	switch {
	case !c.keyed:
		return "", nil
	case call.IdempotencyKey == "" && r.Header.Get(headerKey) != "":
		return "", badKey()
	}
	return call.IdempotencyKey, nil
}

func badKey() error {
	return fault.InvalidArgument.Errorf("the %s must be printable ASCII of at most %d bytes", headerKey, maxText)
}
