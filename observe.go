package sinew

import (
	"bufio"
	"cmp"
	"context"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/metrics"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

// closing tells callers of a service that stops to call another instance.
func (s *Service) closing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.life.called.Load() {
			s.life.called.Store(true)
		}
		if s.life.stopping.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// observed is h, which serves pattern, within the service's limit.
func (s *Service) observed(pattern string, h http.Handler) http.Handler {
	recorder := s.metrics.Server(s.name, pattern)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, _ := w.(*response)
		outer := responseOf(w)
		if answer == nil { // a middleware has one of its own
			answer = &response{ResponseWriter: w, outer: outer}
		}
		if outer != nil {
			outer.route, outer.recorder, outer.page = pattern, recorder, false
		}
		if call := endpoint.CallOf(r.Context()); call != nil {
			call.Operation = endpoint.Operation{Service: s.name, Name: pattern}
		}
		s.limited(h, answer, r)
	})
}

// limited is h within the service's limit. A request needs room from when it is
// there until its answer begins: while its body is awaited it waits for its caller,
// and what is streamed, downloaded, upgraded or hijacked may take as long as it likes.
func (s *Service) limited(h http.Handler, answer *response, r *http.Request) {
	ticket, err := s.limiter.Acquire(r.Context())
	if err != nil {
		rest.WriteError(answer, err)
		return
	}
	answer.ticket, answer.limited = ticket, r.Context()
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &awaited{r.Body, ticket}
	}
	panicked := true
	defer func() {
		err := answer.err()
		if panicked {
			err = errPanicked
		}
		ticket.Done(r.Context(), err)
	}()
	h.ServeHTTP(answer, r)
	panicked = false
}

// awaited is the body of a request, which needs no room while it is awaited.
type awaited struct {
	io.ReadCloser
	ticket limit.Ticket
}

// Read implements io.Reader.
func (a *awaited) Read(b []byte) (int, error) {
	a.ticket.Pause()
	defer a.ticket.Resume()
	return a.ReadCloser.Read(b)
}

// response remembers how a request was answered.
type response struct {
	http.ResponseWriter
	status int
	failed error
	outer  *response // what is beneath a middleware's writer, if that shows it

	ticket  limit.Ticket    // of the request, until its answer begins
	limited context.Context //nolint:containedctx // that it was given in

	// What the account of a request needs, in the outermost one alone.
	start        time.Time
	ctx          context.Context // with the id and the span, once there are any
	method, path string          // before any middleware
	remote       string          // the caller's address
	route        string
	page         bool // one of the service's own
	span         tracing.Span
	recorder     *metrics.Operation
	upgraded     *takenOver
	leave        func() // upgraded, once the handler has returned; nil if it is not there
}

// responseOf is the response in w or beneath it, or nil.
func responseOf(w http.ResponseWriter) *response {
	for {
		switch at := w.(type) {
		case *response:
			return at
		case interface{ Unwrap() http.ResponseWriter }:
			w = at.Unwrap()
		default:
			return nil
		}
	}
}

// Failed is called by package rest with the error that it answers with, which says
// more than its status.
func (r *response) Failed(err error) {
	r.failed = err
	if r.outer != nil {
		r.outer.Failed(err)
	}
}

// RequestMethod tells package rest how the request was sent, before any middleware.
func (r *response) RequestMethod() string {
	if r.outer != nil {
		return r.outer.method
	}
	return r.method
}

// answered is the status that the caller gets.
func (r *response) answered() int { return cmp.Or(r.status, http.StatusOK) }

// begins notes that the answer begins, with this status.
func (r *response) begins(status int) {
	if r.status != 0 {
		return
	}
	r.status = status
	if r.limited != nil {
		r.ticket.Done(r.limited, r.err())
	}
}

// WriteHeader implements http.ResponseWriter.
func (r *response) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		r.begins(status)
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *response) Write(b []byte) (int, error) {
	r.begins(http.StatusOK)
	return r.ResponseWriter.Write(b)
}

// FlushError implements the flushing of [http.ResponseController].
func (r *response) FlushError() error {
	err := http.NewResponseController(r.ResponseWriter).Flush()
	if err == nil {
		r.begins(http.StatusOK)
	}
	return err
}

// Flush implements http.Flusher, for handlers that ask for that.
func (r *response) Flush() { _ = r.FlushError() }

// Hijack implements [http.Hijacker], for handlers that ask for that. What speaks
// another protocol from here on has been answered with 101.
func (r *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(r.ResponseWriter).Hijack()
	if err == nil {
		r.begins(http.StatusSwitchingProtocols)
	}
	if err == nil && r.upgraded != nil { // net/http waits for it no more
		r.leave = r.upgraded.join(r.route, conn)
	}
	return conn, buffered, err
}

// Unwrap lets http.ResponseController reach what is beneath.
func (r *response) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// err is the failure that was the answer, or what the status of a foreign
// handler tells of it; nil for a success.
func (r *response) err() error {
	switch {
	case r.status < 400:
		return nil
	case r.failed != nil:
		return r.failed
	case r.status == http.StatusNotFound: // a handler of ours looked for it
		return fault.NotFound
	}
	return fault.FromHTTPStatus(r.status)
}
