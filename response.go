package sinew

import (
	"bufio"
	"cmp"
	"context"
	"net"
	"net/http"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/service"
	"github.com/sinew-go/sinew/internal/wire"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/metrics"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

// response records how a request was answered.
type response struct {
	http.ResponseWriter
	status  int
	failure error
	grpc    *grpcAnswer // nil unless the request is one of gRPC
	outer   *response   // beneath a middleware's writer, if that has Unwrap

	permit        limit.AdaptivePermit // the request's place in the limit, until its answer starts
	permitContext context.Context      //nolint:containedctx // that it was acquired with; nil once it is returned

	// For finish; set in the outermost response only.
	start        time.Time
	ctx          context.Context // has the record and the span, once there are any
	method, path string          // as received, before any middleware
	remote       string          // the caller's address
	route        string
	format       wire.Format
	isOwnPage    bool // it is one of the service's own pages
	span         tracing.Span
	recorder     *metrics.Operation
	servers      *service.Servers
	hijackDone   func()    // to call when the handler of a hijacked connection has returned; else nil
	hijacked     time.Time // when that was; else zero
}

var _ rest.FailureObserver = (*response)(nil)

// Failed implements [rest.FailureObserver].
func (r *response) Failed(err error) {
	r.failure = err
	if r.outer != nil {
		r.outer.Failed(err)
	}
}

// RequestMethod returns the method that the caller sent, before any middleware changed it.
// Package rest calls it.
func (r *response) RequestMethod() string {
	if r.outer != nil {
		return r.outer.method
	}
	return r.method
}

// statusOrOK returns the status that the caller gets.
func (r *response) statusOrOK() int { return cmp.Or(r.status, http.StatusOK) }

// startAnswer records the status and frees the request's place in the limit. Only the
// first call has an effect.
func (r *response) startAnswer(status int) {
	if r.status != 0 {
		return
	}
	r.status = status
	r.endPermit(r.err())
}

// endPermit frees the request's place in the limit, if it has one. Only the first call has
// an effect.
func (r *response) endPermit(err error) {
	if ctx := r.permitContext; ctx != nil {
		r.permitContext = nil
		r.permit.Done(ctx, err)
	}
}

// WriteHeader implements http.ResponseWriter.
func (r *response) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		r.startAnswer(status)
	}
	if r.grpc != nil {
		status = r.grpc.translate(r.Header(), status, r.failure)
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *response) Write(b []byte) (int, error) {
	r.startAnswer(http.StatusOK)
	if r.grpc != nil && r.grpc.translated {
		return len(b), nil
	}
	return r.ResponseWriter.Write(b)
}

// FlushError implements flushing for [http.ResponseController].
func (r *response) FlushError() error {
	err := http.NewResponseController(r.ResponseWriter).Flush()
	if err == nil {
		r.startAnswer(http.StatusOK)
	}
	return err
}

// Flush implements http.Flusher, for handlers that assert it.
func (r *response) Flush() { _ = r.FlushError() }

// Hijack implements [http.Hijacker], for handlers that assert it. The request counts as
// answered with 101, since another protocol follows.
func (r *response) Hijack() (conn net.Conn, buffered *bufio.ReadWriter, err error) {
	hijack := func() (net.Conn, error) {
		conn, buffered, err = http.NewResponseController(r.ResponseWriter).Hijack()
		return conn, err
	}
	var done func()
	if r.servers == nil {
		_, err = hijack()
	} else { // net/http does not wait for hijacked connections
		done, err = r.servers.Hijack(r.route, hijack)
	}
	if err == nil {
		r.hijackDone = done
		r.startAnswer(http.StatusSwitchingProtocols)
		r.hijacked = time.Now()
	}
	return conn, buffered, err
}

// latency returns how long the request took, given that it is over. For a hijacked
// connection, which another protocol uses for any time, that is until the upgrade.
func (r *response) latency() time.Duration {
	if !r.hijacked.IsZero() {
		return r.hijacked.Sub(r.start)
	}
	return time.Since(r.start)
}

// Unwrap lets http.ResponseController reach the wrapped writer.
func (r *response) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// mayFailWith200 reports whether the failure of the request has status 200: it is one of
// gRPC, gRPC-Web or a stream of Connect, or its answer is a stream of values.
func (r *response) mayFailWith200() bool {
	return r.format != wire.Plain || wire.IsStreamOfValues(r.Header()) || r.outer != nil && r.outer.mayFailWith200()
}

// err returns the failure that was answered, or one made from the status if the handler
// reported none; nil for a success.
func (r *response) err() error {
	switch {
	case r.failure != nil && (r.status >= 400 || r.mayFailWith200()):
		return r.failure
	case r.status < 400:
		return nil
	case r.status == http.StatusNotFound: // a handler said so, not the routing
		return fault.NotFound
	}
	return fault.FromHTTPStatus(r.status)
}
