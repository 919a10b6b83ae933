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
	inner := rest.Accept(s.config.Trust)(rest.Problems(mux))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.life.stopping.Load() {
			w.Header().Set("Connection", "close")
		}
		inner.ServeHTTP(w, r)
	})
}

// observed is h inside a span, metrics and a panic guard.
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
		h.ServeHTTP(answer, r.WithContext(ctx))
	})
}

// response remembers the status of an answer.
type response struct {
	http.ResponseWriter
	status int
}

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

// Unwrap lets http.ResponseController reach what is beneath.
func (r *response) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// err is the class of failure that the status tells of, or nil.
func (r *response) err() error {
	if r.status < 400 {
		return nil
	}
	if r.status == http.StatusNotFound { // a handler of ours looked for it
		return fault.NotFound
	}
	return fault.FromHTTPStatus(r.status)
}

// authenticatedOrLocal is the trust of the zero Config.
func authenticatedOrLocal(r *http.Request) bool {
	return r.TLS != nil && len(r.TLS.VerifiedChains) > 0 || rest.SameMachine(r)
}
