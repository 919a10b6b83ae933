package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/sinew-go/sinew/internal/wire"
)

// hasStreamedAnswer reports whether an answer is never in memory as a whole.
func (c *contract) hasStreamedAnswer() bool { return c.values != nil || c.response.whole.isStreamed() }

// isStreamed reports whether a request or its answer is never in memory as a whole.
func (c *contract) isStreamed() bool { return c.hasStreamedAnswer() || c.request.whole.isStreamed() }

// mayHaveNoEnd reports whether a request or its answer is a stream of values.
func (c *contract) mayHaveNoEnd() bool { return c.values != nil || c.request.whole.isOfValues() }

// stream prepares a request that may be streamed: it has no time limits of the server, and
// streams of values end when the service stops. Call release when it is answered.
func (c *contract) stream(
	ctx context.Context, w http.ResponseWriter, r *http.Request, stopping <-chan struct{},
) (streamed context.Context, end context.CancelCauseFunc, release func()) {
	if !c.isStreamed() {
		c.timeLimits.set(w, r)
		return ctx, func(error) {}, func() {}
	}
	return c.prepareStream(ctx, w, r, stopping)
}

// prepareStream is apart from stream, since its functions would cost every request an
// allocation there.
func (c *contract) prepareStream(
	ctx context.Context, w http.ResponseWriter, r *http.Request, stopping <-chan struct{},
) (streamed context.Context, end context.CancelCauseFunc, release func()) {
	c.timeLimits.lift(w)
	c.timeLimits.set(w, r)
	if c.request.whole.isStreamed() && c.hasStreamedAnswer() { // else HTTP/1 reads no more once it answers
		_ = http.NewResponseController(w).EnableFullDuplex()
		if r.ProtoMajor == 1 { // what is left of the body must not be read as the next request
			w.Header().Set("Connection", "close")
		}
	}
	bodyEnds := c.paceBody(w, r)
	if !c.mayHaveNoEnd() {
		return ctx, func(error) {}, func() {
			bodyEnds()
			c.boundRest(w)
		}
	}
	ctx, end = wire.UntilStopping(ctx, stopping)
	interrupted := func() {}
	if c.request.whole.isOfValues() { // a read of the body does not see the end of ctx
		interrupted = interruptReads(ctx, w)
	}
	return ctx, end, func() {
		interrupted()
		bodyEnds()
		c.boundRest(w)
		end(nil)
	}
}

// paceBody makes a streamed body of r one that ends when the request is answered, which the
// returned function says.
func (c *contract) paceBody(w http.ResponseWriter, r *http.Request) (ends func()) {
	if !c.request.whole.isStreamed() || r.Body == nil {
		return func() {}
	}
	isPaced := c.timeLimits.read == 0 && r.ContentLength != 0 && !c.request.whole.isOfValues()
	b := &pacedBody{ReadCloser: r.Body, control: http.NewResponseController(w), isPaced: isPaced}
	r.Body = b
	return b.end
}

// boundRest bounds how long the server awaits the rest of a streamed body that no handler
// reads any more: it reads some of that to use the connection again, and a caller that
// stalls would hold it.
func (c *contract) boundRest(w http.ResponseWriter) {
	if c.request.whole.isStreamed() && c.timeLimits.read == 0 {
		_ = http.NewResponseController(w).SetReadDeadline(deadlineIn(maxStall))
	}
}

// interruptReads ends the reads of a body when ctx ends. The returned function says that
// the request is answered: after it nothing uses w, with which the writer of HTTP/2 would panic.
func interruptReads(ctx context.Context, w http.ResponseWriter) (answered func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0))
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}
