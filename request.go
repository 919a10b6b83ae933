package sinew

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/headertext"
	"github.com/sinew-go/sinew/internal/wire"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

// noRoute is the operation of every request that matches no route. One shared name, so
// that unknown paths cannot create series of their own.
const noRoute = "no route"

// withConnectionClose adds "Connection: close" to the answers of a stopping service, so
// that callers turn to another instance.
func (s *Service) withConnectionClose(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.drainDelay.Called()
		if s.state.IsStopping() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// withCall wraps h, which serves mux. It gives each request its call record (the id and
// the other metadata that travels), a span, metrics, a log line and a panic guard. The
// service's own pages get only the record and the guard, because they are polled all the
// time.
func (s *Service) withCall(mux *http.ServeMux, h http.Handler) http.Handler {
	accept := rest.ReadMetadata(s.config.Trust)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, _ := wire.WriterOf[*response](w)
		ctx := r.Context()
		record := call.Of(ctx)
		record.Operation = call.Operation{Service: s.name, Name: answer.route}
		if record.From == "" && r.Header["X-Service-Name"] != nil {
			s.untrustedOnce.Do(func() { s.logUntrusted(r) })
		}
		if !answer.isOwnPage {
			ctx, answer.span = s.config.Tracer.Start(ctx, answer.route, tracing.Server)
			r = r.WithContext(ctx)
		}
		answer.ctx = ctx
		h.ServeHTTP(w, r)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := &response{ResponseWriter: w, start: time.Now(), ctx: r.Context(), servers: s.servers}
		answer.method, answer.path, answer.remote = r.Method, r.URL.Path, r.RemoteAddr
		if answer.format = wire.FormatOf(r.Header); answer.format == wire.GRPC {
			answer.grpc = &grpcAnswer{contentType: r.Header.Get("Content-Type")}
		}
		_, answer.route = mux.Handler(r)
		if _, answer.isOwnPage = s.ownPages.Load(answer.route); answer.route == "" {
			answer.route = noRoute
		}
		defer func() { s.finish(answer, recover()) }()
		accept.ServeHTTP(answer, r)
	})
}

// logUntrusted logs once that a caller which may be one of ours is not trusted. Nothing
// else shows what it loses by that.
func (s *Service) logUntrusted(r *http.Request) {
	s.config.Logger.InfoContext(r.Context(), "a caller that calls itself a service is not trusted: its name, priority and attempt mark are ignored, and its deadline blames nobody",
		"service", s.name, "caller", headertext.OrEmpty(r.Header.Get("X-Service-Name")), "address", r.RemoteAddr, "advice", "if it is ours, give it a certificate, or name its network in Config.Trust")
}

// routed serves mux, and answers requests without a route there with a problem document.
// It looks the route up again only where a middleware has changed the request.
func routed(mux *http.ServeMux) http.Handler {
	problems := rest.ProblemMux(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer, ok := wire.WriterOf[*response](w); ok && answer.route != noRoute && answer.method == r.Method && answer.path == r.URL.Path {
			mux.ServeHTTP(w, r)
			return
		}
		problems.ServeHTTP(w, r)
	})
}

// instrumented wraps h, the handler of pattern: it sets the operation of the request and
// serves it within the service's limit.
func (s *Service) instrumented(pattern string, h http.Handler) http.Handler {
	if p, ok := h.(interface{ IsProbe() bool }); ok && p.IsProbe() {
		s.ownPages.Store(pattern, true)
		return h
	}
	recorder := s.metrics.Server(s.name, pattern)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, _ := w.(*response)
		outer, _ := wire.WriterOf[*response](w)
		if answer == nil { // a middleware has put its own writer around it
			answer = &response{ResponseWriter: w, outer: outer}
		}
		if outer != nil {
			outer.route, outer.recorder, outer.isOwnPage = pattern, recorder, false
		}
		if record := call.Of(r.Context()); record != nil {
			record.Operation = call.Operation{Service: s.name, Name: pattern}
		}
		s.admitted(h, answer, r)
	})
}

// admitted serves h within the service's limit. A request occupies a place from its
// arrival until its answer starts. It does not while its body is awaited, because then the
// service waits for the caller. What follows the start of the answer (a stream, a
// download, an upgraded or hijacked connection) may take any time.
func (s *Service) admitted(h http.Handler, answer *response, r *http.Request) {
	permit, err := s.limiter.Acquire(r.Context())
	if err != nil {
		rest.WriteError(answer, err)
		return
	}
	answer.permit, answer.permitContext = permit, r.Context()
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &pausingBody{r.Body, permit}
	}
	panicked := true
	defer func() {
		err := answer.err()
		if panicked {
			err = errPanicked
		}
		answer.endPermit(err)
	}()
	h.ServeHTTP(answer, r)
	panicked = false
}

// pausingBody is the body of a request, which gives up its place in the limit while it
// waits for the caller.
type pausingBody struct {
	io.ReadCloser
	permit limit.AdaptivePermit
}

// Read implements io.Reader.
func (a *pausingBody) Read(b []byte) (int, error) {
	a.permit.Pause()
	defer a.permit.Resume()
	return a.ReadCloser.Read(b)
}

var errAnswerAborted = fault.Internal.Errorf("the handler aborted its answer")

// finish ends a request: it answers for a panic, ends the span, records the metrics and
// writes the log line.
func (s *Service) finish(a *response, panicked any) {
	if a.hijackDone != nil {
		defer a.hijackDone()
	}
	abort := panicked == http.ErrAbortHandler //nolint:errorlint // a panic's value, not wrapped
	if panicked != nil && !abort {
		s.config.Logger.LogAttrs(a.ctx, slog.LevelError, "handler panicked", append(s.requestAttrs(a),
			slog.Any("panic", panicked), slog.String("stack", string(debug.Stack())))...)
		if a.status == 0 {
			rest.WriteError(a, errPanicked)
		} else {
			abort = true // the answer has started: only a broken connection can report the failure
		}
	}
	err := a.err()
	switch {
	case panicked == http.ErrAbortHandler: //nolint:errorlint // a panic's value, not wrapped
		err = errAnswerAborted
	case abort:
		err = errPanicked
	}
	if !a.isOwnPage {
		if a.span != nil {
			a.span.End(err)
		}
		if a.recorder == nil {
			a.recorder = s.metrics.Server(s.name, a.route)
		}
		a.recorder.Observe(a.latency(), err)
		s.log(a, time.Since(a.start), err)
	}
	if abort {
		panic(http.ErrAbortHandler)
	}
}

// log writes the log line of a request: always for a failure, for others only with
// Config.AccessLog. It writes none for a request that reached no handler, since an
// overload, or strangers whose requests arrive too late, must not fill the log; the
// metrics count those.
func (s *Service) log(a *response, d time.Duration, err error) {
	level, message := slog.LevelDebug, "request"
	switch {
	case fault.Judge(a.ctx, err).Outcome() == fault.Failure && !fault.IsUnprocessed(err):
		level, message = slog.LevelWarn, "request failed"
	case s.config.AccessLog:
		level = slog.LevelInfo
	}
	if !s.config.Logger.Enabled(a.ctx, level) {
		return
	}
	attrs := append(s.requestAttrs(a), slog.Int("status", a.statusOrOK()), slog.String("code", fault.CodeOf(err).String()), slog.Duration("duration", d))
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	s.config.Logger.LogAttrs(a.ctx, level, message, attrs...)
}

// requestAttrs identifies the request. The query is left out: people put secrets there.
func (s *Service) requestAttrs(a *response) []slog.Attr {
	all := make([]slog.Attr, 0, 12)
	all = append(all, slog.String("service", s.name), slog.String("route", a.route),
		slog.String("method", tracing.Bounded(a.method)), slog.String("path", tracing.Bounded(a.path)), slog.String("remote", a.remote))
	if call.Of(a.ctx) == nil { // refused before it had a record
		all = append(all, slog.String("request_id", a.Header().Get("X-Request-Id")))
	}
	return append(all, contextAttrs(a.ctx)...)
}

// contextAttrs returns the ids in ctx: request, caller and trace.
func contextAttrs(ctx context.Context) (all []slog.Attr) {
	if r := call.Of(ctx); r != nil {
		if r.RequestID != "" {
			all = append(all, slog.String("request_id", r.RequestID))
		}
		if r.From != "" {
			all = append(all, slog.String("caller", r.From))
		}
	}
	if span := tracing.SpanContextOf(ctx); span.IsValid() {
		all = append(all, slog.String("trace_id", span.TraceID.String()))
	}
	return all
}
