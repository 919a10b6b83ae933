package grpc

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"runtime/debug"
	"strconv"

	"connectrpc.com/connect"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/idempotency"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/wire"
	"github.com/sinew-go/sinew/transport/rest"
)

// handler serves one method.
type handler struct {
	*contract
	log      func() *slog.Logger
	subject  func(*http.Request) string
	store    idempotency.Store // nil unless the method is Keyed
	stream   bool
	stopping <-chan struct{} // nil if nobody says that the service stops
	inner    http.Handler
	writer   *connect.ErrorWriter
	services *services // set in the handler of health alone
}

// serving is a request that is being served.
type serving struct {
	method   string
	writer   http.ResponseWriter
	request  *http.Request
	reported bool
	begun    bool
}

type servingKey struct{}

var errInternal = fault.Internal.Errorf("internal error")

// serve serves a method on mux. newInner makes the handler of connect.
func (c *contract) serve(mux Mux, isStream bool, newInner func(h *handler, options ...connect.HandlerOption) http.Handler) {
	if absent.Is(mux) {
		refuse(c.op.Name, "the mux that shall serve it is nil")
	}
	options := []connect.HandlerOption{connect.WithRequestInitializer(initialize(c.newRequest)), connect.WithReadMaxBytes(c.maxMessage), connect.WithCompressMinBytes(math.MaxInt), connect.WithCompression("gzip", newGunzip(c.maxMessage), newGzip)}
	h := &handler{contract: c, log: wire.LoggerOf(mux), subject: wire.SubjectOf(mux), stream: isStream, writer: connect.NewErrorWriter()}
	if c.keyed {
		h.store = wire.StoreOf(mux)
	}
	if isStream {
		h.stopping = wire.StoppingOf(mux)
	}
	h.inner = newInner(h, options...)
	mux.Handle(c.op.Name, h)
	describeOn(mux, c.service)
}

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.stream {
		messages := wire.NewStreamWriter(w, nil)
		defer messages.Close()
		w = messages
	}
	answer := &reply{ResponseWriter: w, format: wire.FormatOf(r.Header), stream: h.stream}
	w = answer
	s := &serving{method: h.op.Name, writer: w}
	ctx, stop, err := wire.Read(r, nil)
	defer stop()
	if err != nil {
		_ = h.writer.Write(w, r, h.fail(ctx, s, err))
		return
	}
	record := call.Of(ctx)
	record.Operation = call.Operation{Service: record.Service, Name: h.op.Name, Safe: h.op.Safe}
	ctx = wire.Identify(ctx, record, r, h.subject)
	if h.stream {
		wire.WithoutTimeLimits(w)
		var end context.CancelCauseFunc
		ctx, end = wire.UntilStopping(ctx, h.stopping)
		defer end(nil)
	}
	ctx = context.WithValue(ctx, servingKey{}, s)
	r = r.WithContext(ctx)
	s.request = r
	sent := &body{ReadCloser: r.Body, ctx: ctx, max: int64(h.maxMessage)}
	if answer.format != wire.Plain {
		sent.frames, sent.encoded = new(frames), encodingOf(answer.format, r.Header) != ""
	}
	r.Body = sent
	h.inner.ServeHTTP(w, r)
	if code := answer.code(); code != 0 && !s.reported { // connect has refused the request
		s.report(code)
	}
}

// IsProbe reports whether the method is asked all the time by those who watch the service,
// so that it has no place in the service's limit, its metrics and its traces.
func (h *handler) IsProbe() bool { return h.services != nil }

// begin sends the header of a stream, so that its caller knows that it has begun, and the
// service's limit counts it as answered.
func (s *serving) begin(ctx context.Context) {
	if s.begun {
		return
	}
	s.begun = true
	if info, ok := connect.CallInfoForHandlerContext(ctx); ok { // connect adds these with the first message
		// Without a header connect would write the failure of a stream of gRPC-Web that has no
		// message into this one, which is gone by then.
		info.ResponseHeader().Set("X-Accel-Buffering", "no")
		maps.Copy(s.writer.Header(), info.ResponseHeader())
	}
	_ = http.NewResponseController(s.writer).Flush()
}

// sentCode returns the code that an answer of gRPC has, 0 for none and for success.
func sentCode(h http.Header) fault.Code {
	for _, name := range []string{"Grpc-Status", http.TrailerPrefix + "Grpc-Status"} {
		if n, err := strconv.Atoi(h.Get(name)); err == nil && n > 0 {
			return fault.Code(n)
		}
	}
	return 0
}

// report gives a failure to the server that wants it. It reports whether there is one.
func (s *serving) report(err error) bool {
	s.reported = true
	observer, ok := wire.WriterOf[rest.FailureObserver](s.writer)
	if ok {
		observer.Failed(err)
	}
	return ok
}

// fail reports a failure of the request and returns what is sent of it. If the service
// stops, a stream whose context ended for that fails with it.
func (h *handler) fail(ctx context.Context, s *serving, err error) *connect.Error {
	if errors.Is(context.Cause(ctx), wire.ErrStopping) && fault.CodeOf(err) == fault.Canceled {
		err = wire.ErrStopping
	}
	if !s.report(err) {
		level := slog.LevelDebug
		if fault.Judge(ctx, err).Outcome() == fault.Failure {
			level = slog.LevelWarn
		}
		h.log().LogAttrs(ctx, level, "request failed", slog.String("method", h.op.Name), slog.String("code", fault.CodeOf(err).String()), slog.String("error", err.Error()))
	}
	return status(err)
}

// guard runs a handler, and turns a panic into a failure.
func (h *handler) guard(ctx context.Context, run func(s *serving) error) (err error) {
	s, _ := ctx.Value(servingKey{}).(*serving)
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler { //nolint:errorlint // a panic's value, not wrapped
				panic(p)
			}
			h.log().LogAttrs(ctx, slog.LevelError, "handler panicked", slog.String("method", h.op.Name), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
			err = h.fail(ctx, s, errInternal)
		}
	}()
	if err := run(s); err != nil {
		return h.fail(ctx, s, err)
	}
	return nil
}
