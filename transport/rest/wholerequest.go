package rest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"

	"github.com/sinew-go/sinew/fault"
)

// readWhole sets the field of v, a request, that is the whole body. It returns the body if
// that is in memory.
func (h *handler) readWhole(w http.ResponseWriter, r *http.Request, v reflect.Value) (body []byte, err error) {
	whole := h.request.whole
	if err = whole.types.check(r); err != nil {
		return nil, err
	}
	if err = checkEncoding(w, r.Header); err != nil {
		return nil, err
	}
	field := v.FieldByIndex(whole.index)
	if whole.form == bytesForm {
		if body, err = readBody(w, r, h.bodyLimit); err == nil {
			field.SetBytes(body)
		}
		return body, err
	}
	from, err := h.streamedBody(w, r)
	switch {
	case err != nil:
	case whole.form == partsForm:
		var parts Parts
		if parts, err = incomingParts(r, from); err == nil {
			field.Set(reflect.ValueOf(parts))
		}
	case whole.form == valuesForm:
		field.Set(h.incomingValues(from))
	default:
		field.Set(reflect.ValueOf(from))
	}
	return nil, err
}

// streamedBody returns the body of a request as a stream within the limits of the route.
func (c *contract) streamedBody(w http.ResponseWriter, r *http.Request) (*incomingBody, error) {
	b := &incomingBody{from: r.Body, body: r.Body, ctx: r.Context(), limit: c.bodyLimit}
	if c.request.whole.isOfValues() {
		return b, nil // each value has the limit, and there may be no more of them for long
	}
	if b.limit >= 0 {
		if r.ContentLength > b.limit {
			return nil, bodyTooLarge(b.limit)
		}
		b.from = http.MaxBytesReader(w, r.Body, b.limit) // it also closes the connection instead of reading the rest
	}
	return b, nil
}

// incomingBody is the body of a request that is read while it arrives.
type incomingBody struct {
	from  io.Reader
	body  io.Closer
	ctx   context.Context //nolint:containedctx // of the request
	limit int64
}

// Read implements [io.Reader]. Its errors are those that the handler can answer with.
func (b *incomingBody) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if err == nil || err == io.EOF { //nolint:errorlint // as readers must return it
		return n, err
	}
	if tooLarge, over := errors.AsType[*http.MaxBytesError](err); over {
		return n, bodyTooLarge(tooLarge.Limit)
	}
	if cause := context.Cause(b.ctx); cause != nil {
		return n, fault.CodeOf(cause).Errorf("the body was cut off: %w", cause)
	}
	return n, fault.InvalidArgument.Errorf("the body was cut off: %w", err)
}

// Close implements [io.Closer].
func (b *incomingBody) Close() error { return b.body.Close() }
