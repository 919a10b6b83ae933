package middleware

import (
	"bufio"
	"cmp"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/wire"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

// RequestLog returns a middleware that writes a line to log for each request when it is
// answered: method, route, path, status, bytes and duration, the ids of the request and of
// its trace, the calling service, and the error of a failure, as far as they are known.
// Failures of the service are warnings. Neither a query, a header nor a body is logged. log
// is [slog.Default] if nil.
//
// Put it inside of [rest.ReadMetadata], which reads the ids and the caller. A sinew.Service
// needs none: see sinew.Config.AccessLog.
func RequestLog(log *slog.Logger) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer, start := &observed{wrapper: wrapper{w}}, time.Now()
			finished := false
			defer func() {
				if !finished {
					answer.failure = cmp.Or[error](answer.failure, errPanicked)
					answer.status = cmp.Or(answer.status, http.StatusInternalServerError) // as the guard outside will say
				}
				answer.log(log, r, time.Since(start))
			}()
			next.ServeHTTP(answer, r)
			finished = true
		})
	}
}

var errPanicked = fault.Internal.Errorf("the handler panicked")

// observed is a writer that records the answer.
type observed struct {
	wrapper
	status  int
	bytes   int64
	failure error
}

var _ rest.FailureObserver = (*observed)(nil)

// Failed implements [rest.FailureObserver].
func (o *observed) Failed(err error) {
	o.failure = err
	if outer, ok := wire.WriterOf[rest.FailureObserver](o.ResponseWriter); ok {
		outer.Failed(err)
	}
}

// WriteHeader implements http.ResponseWriter.
func (o *observed) WriteHeader(status int) {
	if o.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		o.status = status
	}
	o.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (o *observed) Write(b []byte) (int, error) {
	o.status = cmp.Or(o.status, http.StatusOK)
	n, err := o.ResponseWriter.Write(b)
	o.bytes += int64(n)
	return n, err
}

// Hijack implements [http.Hijacker]. Another protocol follows.
func (o *observed) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := o.wrapper.Hijack()
	if err == nil {
		o.status = cmp.Or(o.status, http.StatusSwitchingProtocols)
	}
	return conn, buffered, err
}

// err returns the failure that was answered, nil for a success.
func (o *observed) err() error {
	switch {
	case o.failure != nil || o.status < 400:
		return o.failure
	case o.status == http.StatusNotFound: // a handler said so
		return fault.NotFound
	}
	return fault.FromHTTPStatus(o.status)
}

func (o *observed) log(log *slog.Logger, r *http.Request, took time.Duration) {
	if log == nil {
		log = slog.Default()
	}
	ctx, err := r.Context(), o.err()
	level, message := slog.LevelInfo, "request"
	if fault.Judge(ctx, err).Outcome() == fault.Failure && !fault.IsUnprocessed(err) {
		level, message = slog.LevelWarn, "request failed"
	}
	if !log.Enabled(ctx, level) {
		return
	}
	record := call.Of(ctx)
	if record == nil {
		record = &call.Record{RequestID: o.Header().Get(wire.HeaderRequestID)}
	}
	all := []slog.Attr{
		slog.String("method", tracing.Bounded(r.Method)), slog.String("route", cmp.Or(r.Pattern, record.Operation.Name, "no route")),
		slog.String("path", tracing.Bounded(r.URL.Path)), slog.Int("status", cmp.Or(o.status, http.StatusOK)),
		slog.Int64("bytes", o.bytes), slog.Duration("duration", took),
	}
	if record.RequestID != "" {
		all = append(all, slog.String("request_id", record.RequestID))
	}
	if span := tracing.SpanContextOf(ctx); span.IsValid() {
		all = append(all, slog.String("trace_id", span.TraceID.String()))
	}
	if record.From != "" {
		all = append(all, slog.String("caller", record.From))
	}
	if err != nil {
		all = append(all, slog.String("code", fault.CodeOf(err).String()), slog.String("error", err.Error()))
	}
	log.LogAttrs(ctx, level, message, all...)
}
