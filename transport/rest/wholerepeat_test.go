package rest_test

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
)

// RoundTrip implements [http.RoundTripper].
func (n *nth) RoundTrip(r *http.Request) (*http.Response, error) {
	if n.fails--; n.fails >= 0 {
		_, _ = io.CopyN(io.Discard, r.Body, n.read)
		_ = r.Body.Close()
		return nil, errors.New("connection lost")
	}
	return n.next.RoundTrip(r)
}

// twice repeats a failed call once, unless nobody may.
type twice struct {
	call.Caller
	client *http.Client
}

func (c twice) HTTPClient() *http.Client { return c.client }

// Call implements [call.Caller].
func (c twice) Call(ctx context.Context, op call.Operation, send func(context.Context, string) error) error {
	err := c.Caller.Call(ctx, op, send)
	if err != nil && !fault.IsRepeated(err) {
		err = c.Caller.Call(ctx, op, send)
	}
	return err
}
