package sinew

import (
	"net/http"
	"runtime/debug"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

// accepted is what every request passes before its handler.
func (s *Service) accepted(mux *http.ServeMux) http.Handler {
	return rest.Accept(s.config.Trust)(rest.Problems(mux))
}

// closing tells callers of a service that stops to call another instance.
func (s *Service) closing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.life.stopping.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// observed is h inside a span, metrics, the service's limit and a panic guard.
func (s *Service) observed(pattern string, h http.Handler) http.Handler {
	recorder := s.metrics.Server(s.name, pattern)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		ctx, span := s.config.Tracer.Start(r.Context(), pattern, tracing.Server)
		if call := endpoint.CallOf(ctx); call != nil {
			call.Operation = endpoint.Operation{Service: s.name, Name: pattern}
		}
		answer := &response{ResponseWriter: w}
		defer func() {
			p := recover()
			if p != nil && p != http.ErrAbortHandler { //nolint:errorlint // a panic's value, not wrapped
				s.config.Logger.ErrorContext(ctx, "handler panicked", "route", pattern, "panic", p, "stack", string(debug.Stack()))
				if answer.status == 0 {
					rest.Fail(answer, errPanicked)
					p = nil
				} else {
					p = http.ErrAbortHandler // the answer has begun: only a broken connection tells the caller
				}
			}
			err := answer.err()
			if p != nil {
				err = errPanicked
			}
			span.End(err)
			recorder.Observe(time.Since(start), err)
			if p != nil {
				panic(p)
			}
		}()
		s.limited(h, answer, r.WithContext(ctx))
	})
}

// limited is h within the service's limit.
func (s *Service) limited(h http.Handler, answer *response, r *http.Request) {
	ticket, err := s.limiter.Acquire(r.Context())
	if err != nil {
		rest.Fail(answer, err)
		return
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

// response remembers how a request was answered.
type response struct {
	http.ResponseWriter
	status int
	failed error
}

// Failed is told by package rest of the error that it answers with, which says
// more than its status.
func (r *response) Failed(err error) { r.failed = err }

// WriteHeader implements http.ResponseWriter.
func (r *response) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *response) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// FlushError implements the flushing of [http.ResponseController].
func (r *response) FlushError() error {
	err := http.NewResponseController(r.ResponseWriter).Flush()
	if err == nil && r.status == 0 {
		r.status = http.StatusOK
	}
	return err
}

// Flush implements http.Flusher, for handlers that ask for that.
func (r *response) Flush() { _ = r.FlushError() }

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

// authenticatedOrLocal is the trust of the zero Config.
func authenticatedOrLocal(r *http.Request) bool {
	return r.TLS != nil && len(r.TLS.VerifiedChains) > 0 || rest.SameMachine(r)
}
