package rest

import (
	"context"
	"io"
	"net/http"
	"reflect"
	"sync"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/internal/wire"
)

// opened is an answer whose body is read while it arrives. Its attempt has succeeded.
type opened struct {
	name   string
	ctx    context.Context //nolint:containedctx // of the answer, which outlives its attempt
	end    context.CancelCauseFunc
	status int
	header http.Header
	length int64 // of body, negative if that is unknown
	body   io.ReadCloser
	sent   *sending // the body of the request, if that is streamed
}

// open makes one attempt, which ends when the header of the answer has arrived. What
// follows lasts as long as caller does. failed gets an answer that is no success, and returns
// the failure that it describes, or nil if it is an answer all the same.
func (s sender) open(
	attempt, caller context.Context, addr string, m *outgoing, failed func(*http.Response) error,
) (*opened, error) {
	o := &opened{name: m.name}
	o.ctx, o.end = context.WithCancelCause(callctx.Following(attempt, caller))
	isOver := context.AfterFunc(attempt, func() { o.end(context.Cause(attempt)) })
	var resends resendWatch
	r, sent, err := m.request(resends.trace(o.ctx), addr)
	if err != nil {
		o.end(nil)
		return nil, err
	}
	o.sent = sent
	answer, err := s.client.Do(r) //nolint:bodyclose // o has it
	resends.record(callctx.Of(attempt))
	switch {
	case err != nil:
		err = wire.NoAnswer(attempt, m.name, fault.CodeOf(err), err)
	case answer.StatusCode < 200:
		err = errNoStatus(m.name, answer.StatusCode)
	case answer.StatusCode >= 300 && answer.StatusCode != http.StatusNotModified:
		err = failed(answer)
	}
	if answer != nil {
		o.status, o.header = answer.StatusCode, answer.Header
		o.body, o.length = answer.Body, answer.ContentLength
	}
	if !isOver() && err == nil {
		err = wire.NoAnswer(attempt, m.name, fault.Unknown, attempt.Err())
	}
	if err != nil {
		o.end(nil)
		if o.body != nil {
			_ = o.body.Close()
		}
		if sent != nil {
			err = sent.end(attempt, err)
		}
		return nil, err
	}
	return o, nil
}

// Read implements [io.Reader]. Its errors are failures of the callee.
func (o *opened) Read(p []byte) (int, error) {
	n, err := o.body.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // as readers must return it
		err = o.failure(err)
	}
	return n, err
}

// failure returns what has ended the answer too early.
func (o *opened) failure(err error) error {
	if s := o.sent; s != nil {
		select {
		case <-s.done:
			if s.source != nil {
				return s.failure()
			}
		default:
		}
	}
	return wire.CutOff(o.ctx, o.name, err)
}

// Close implements [io.Closer]: it frees the connection.
func (o *opened) Close() error {
	o.end(nil)
	err := o.body.Close()
	if o.sent != nil {
		_ = o.sent.end(o.ctx, nil)
	}
	return err
}

// arrivals are the opened answers to the attempts of one call, which may overlap: the first
// counts.
type arrivals struct {
	mu     sync.Mutex
	first  *opened
	isOver bool
}

func (a *arrivals) add(o *opened) {
	a.mu.Lock()
	isFirst := a.first == nil && !a.isOver
	if isFirst {
		a.first = o
	}
	a.mu.Unlock()
	if !isFirst {
		_ = o.Close()
	}
}

// finish returns the answer of a call that has ended with err.
func (a *arrivals) finish(name string, err error) (*opened, error) {
	a.mu.Lock()
	a.isOver = true
	o := a.first
	a.mu.Unlock()
	switch {
	case err != nil && o != nil:
		_ = o.Close()
		return nil, err
	case err == nil && o == nil:
		err = fault.Internal.Errorf("%s was not called", name)
	}
	return o, err
}

// openAnswer calls the route through caller, until the header of the answer has arrived.
func (s sender) openAnswer(ctx context.Context, caller call.Caller, c *contract, m *outgoing) (*opened, error) {
	var all arrivals
	err := caller.Call(ctx, c.op, func(attempt context.Context, addr string) error {
		o, err := s.open(attempt, ctx, addr, m, func(answer *http.Response) error {
			body, err := readAnswer(attempt, m.name, answer, c.answerLimit)
			if err != nil {
				return err
			}
			return failureOf(*m, answer.StatusCode, answer.Header, body)
		})
		if err == nil {
			err = c.checkType(o.status, o.header)
			if err != nil {
				_ = o.Close()
				return err
			}
			all.add(o)
		}
		return err
	})
	return all.finish(c.text, err)
}

// checkType refuses an answer that is no body of the route.
func (c *contract) checkType(status int, header http.Header) error {
	kind, types := header.Get(contentTypeName), valuesTypes
	if c.values == nil {
		types = c.response.whole.types
	}
	isEmpty := c.values == nil && status == http.StatusNotModified ||
		c.values != nil && status == http.StatusNoContent // what an EventSource takes for the end
	if types.has(kind) || isEmpty {
		return nil
	}
	return fault.Internal.Errorf("the answer to %s cannot be read: its Content-Type is %q, and not %s",
		c.text, shorten(kind), types)
}

// setOpened sets target, a pointer to a Resp, from an opened answer.
func (c *contract) setOpened(target any, o *opened) error {
	v := c.response.newStruct(target)
	if err := c.readHeader(target, o.header); err != nil {
		_ = o.Close()
		return fault.Internal.Errorf("the answer to %s cannot be read: %w", c.text, err)
	}
	if o.status == http.StatusNotModified {
		return o.Close()
	}
	if c.values != nil {
		v.FieldByIndex(c.values.field).Set(c.received(o))
		return nil
	}
	var body io.ReadCloser = o
	if c.answerLimit > 0 {
		body = &boundedAnswer{o, c.answerLimit}
	}
	v.FieldByIndex(c.response.whole.index).Set(reflect.ValueOf(body))
	return nil
}

// newStruct returns the struct of target, a pointer to a Resp, which it makes if there is
// none.
func (b *binding) newStruct(target any) reflect.Value {
	v := reflect.ValueOf(target).Elem()
	if !b.pointer {
		return v
	}
	if v.IsNil() {
		v.Set(reflect.New(b.t))
	}
	return v.Elem()
}

// boundedAnswer fails where an answer is larger than its route allows.
type boundedAnswer struct {
	*opened
	left int64
}

// Read implements [io.Reader].
func (b *boundedAnswer) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errAnswerBound
	}
	n, err := b.opened.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n + int(b.left), errAnswerBound
	}
	return n, err
}

var errAnswerBound = fault.Internal.Errorf("the answer is larger than MaxAnswer of the route allows")
