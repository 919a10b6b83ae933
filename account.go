package sinew

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/headertext"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

// noRoute is the operation of all requests that the service has no route for,
// so that strangers cannot make series of their own.
const noRoute = "no route"

// accounted is h, which serves mux, with what every request has: its id and what
// else travels with it, and around h a span, metrics, a line in the log and a
// panic guard. The pages of the service itself have the id and the guard alone:
// they are asked for all the time.
func (s *Service) accounted(mux *http.ServeMux, h http.Handler) http.Handler {
	accept := rest.ReadMetadata(s.config.Trust)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := responseOf(w)
		ctx := r.Context()
		call := endpoint.CallOf(ctx)
		call.Operation = endpoint.Operation{Service: s.name, Name: answer.route}
		if call.From == "" && r.Header["X-Service-Name"] != nil {
			s.unknown.Do(func() { s.hint(r) })
		}
		if !answer.page {
			ctx, answer.span = s.config.Tracer.Start(ctx, answer.route, tracing.Server)
			r = r.WithContext(ctx)
		}
		answer.ctx = ctx
		h.ServeHTTP(w, r)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := &response{ResponseWriter: w, start: time.Now(), ctx: r.Context(), upgraded: &s.life.upgraded}
		answer.method, answer.path, answer.remote = r.Method, r.URL.Path, r.RemoteAddr
		_, answer.route = mux.Handler(r)
		if answer.page = s.ownPages[answer.route]; answer.route == "" {
			answer.route = noRoute
		}
		defer func() { s.conclude(answer, recover()) }()
		accept.ServeHTTP(answer, r)
	})
}

// hint says once that a caller that may be ours is not trusted: what it loses by that
// is not seen otherwise.
func (s *Service) hint(r *http.Request) {
	s.config.Logger.InfoContext(r.Context(), "a caller that calls itself a service is not trusted: its name, priority and attempt mark are ignored, and its deadline blames nobody",
		"service", s.name, "caller", headertext.OrEmpty(r.Header.Get("X-Service-Name")), "address", r.RemoteAddr, "advice", "if it is ours, give it a certificate, or name its network in Config.Trust")
}

// routed serves mux, and what has no route there as a problem. mux is asked for
// the route again where a middleware has changed the request.
func routed(mux *http.ServeMux) http.Handler {
	problems := rest.ProblemMux(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer := responseOf(w); answer != nil && answer.route != noRoute && answer.method == r.Method && answer.path == r.URL.Path {
			mux.ServeHTTP(w, r)
			return
		}
		problems.ServeHTTP(w, r)
	})
}

var errAborted = fault.Internal.Errorf("the handler broke its answer off")

// conclude ends a request: what panicked is answered, and the span, the series and
// the log are told.
func (s *Service) conclude(a *response, panicked any) {
	if a.leave != nil {
		defer a.leave()
	}
	abort := panicked == http.ErrAbortHandler //nolint:errorlint // a panic's value, not wrapped
	if panicked != nil && !abort {
		s.config.Logger.LogAttrs(a.ctx, slog.LevelError, "handler panicked", append(s.facts(a),
			slog.Any("panic", panicked), slog.String("stack", string(debug.Stack())))...)
		if a.status == 0 {
			rest.WriteError(a, errPanicked)
		} else {
			abort = true // the answer has begun: only a broken connection tells the caller
		}
	}
	err := a.err()
	switch {
	case panicked == http.ErrAbortHandler: //nolint:errorlint // a panic's value, not wrapped
		err = errAborted
	case abort:
		err = errPanicked
	}
	if !a.page {
		if a.span != nil {
			a.span.End(err)
		}
		if a.recorder == nil {
			a.recorder = s.metrics.Server(s.name, a.route)
		}
		d := time.Since(a.start)
		a.recorder.Observe(d, err)
		s.log(a, d, err)
	}
	if abort {
		panic(http.ErrAbortHandler)
	}
}

// log writes the line of a request: of a failure always, of the others where
// Config.AccessLog is set. What no handler ran for is none, since an overload, or a
// stranger whose requests come too late, must not fill the log; the series count it.
func (s *Service) log(a *response, d time.Duration, err error) {
	level, message := slog.LevelDebug, "request"
	switch {
	case fault.Classify(a.ctx, err) == fault.Failure && !fault.IsUnprocessed(err):
		level, message = slog.LevelWarn, "request failed"
	case s.config.AccessLog:
		level = slog.LevelInfo
	}
	if !s.config.Logger.Enabled(a.ctx, level) {
		return
	}
	facts := append(s.facts(a), slog.Int("status", a.answered()), slog.String("code", fault.CodeOf(err).String()), slog.Duration("duration", d))
	if err != nil {
		facts = append(facts, slog.String("error", err.Error()))
	}
	s.config.Logger.LogAttrs(a.ctx, level, message, facts...)
}

// facts tell which request it is. Its query is left out: people put secrets there.
func (s *Service) facts(a *response) []slog.Attr {
	all := make([]slog.Attr, 0, 12)
	all = append(all, slog.String("service", s.name), slog.String("route", a.route),
		slog.String("method", tracing.Bounded(a.method)), slog.String("path", tracing.Bounded(a.path)), slog.String("remote", a.remote))
	if endpoint.CallOf(a.ctx) == nil { // it was refused before it had a record
		all = append(all, slog.String("request_id", a.Header().Get("X-Request-Id")))
	}
	return append(all, travelling(a.ctx)...)
}

// travelling are the ids of what ctx belongs to, for a line of the log.
func travelling(ctx context.Context) (all []slog.Attr) {
	if call := endpoint.CallOf(ctx); call != nil {
		if call.RequestID != "" {
			all = append(all, slog.String("request_id", call.RequestID))
		}
		if call.From != "" {
			all = append(all, slog.String("caller", call.From))
		}
	}
	if span := tracing.SpanContextOf(ctx); span.IsValid() {
		all = append(all, slog.String("trace_id", span.TraceID.String()))
	}
	return all
}
