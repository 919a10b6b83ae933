package grpcgo

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/wire"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/metrics"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

// healthPrefix begins the methods that those who watch a service ask all the time. They
// have no place in its limit, its metrics and its traces.
const healthPrefix = "/grpc.health.v1.Health/"

// Server gives a server of grpc-go what a sinew.Service has for each request. The zero
// Server is usable, and measures for nobody.
type Server struct {
	// Name is the name of the service, in metrics and errors.
	Name string
	// Limit bounds how many unary requests the handlers work on at once. Those above it
	// are refused before their handler runs. Limit.Except exempts methods by their name,
	// such as "/api.OrderService/Watch".
	Limit limit.Adaptive
	// Metrics is where the metrics are registered. Nil registers none.
	Metrics prometheus.Registerer
	// Tracer makes the spans. When nil, traces travel on and are not reported.
	Tracer tracing.Tracer
	// Logger is slog.Default() when nil. It gets the failures of the service.
	Logger *slog.Logger
	// Trust reports whether a caller is one of ours, by a request with the metadata, the
	// address and the certificate of the caller. When nil, it is rest.Verified.
	Trust func(*http.Request) bool
}

// Options returns the options of a server: interceptors for unary methods and for streams.
// They run inside interceptors of options before them, and around those after them.
// Options panics if the limit does not validate.
func (s Server) Options() []grpc.ServerOption {
	i := s.interceptor()
	return []grpc.ServerOption{grpc.ChainUnaryInterceptor(i.unary), grpc.ChainStreamInterceptor(i.stream)}
}

func (s Server) interceptor() *interceptor {
	if s.Metrics == nil {
		s.Metrics = prometheus.NewRegistry()
	}
	if s.Tracer == nil {
		s.Tracer = tracing.New()
	}
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	if s.Trust == nil {
		s.Trust = rest.Verified
	}
	return &interceptor{Server: s, limiter: limit.NewAdaptive(s.Name, s.Limit), metrics: metrics.New(s.Metrics)}
}

// interceptor serves the requests of one server.
type interceptor struct {
	Server
	limiter *limit.AdaptiveLimiter
	metrics *metrics.Metrics
}

var errPanicked = fault.Internal.Errorf("internal error")

func (i *interceptor) unary(
	ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
) (response any, err error) {
	if strings.HasPrefix(info.FullMethod, healthPrefix) {
		return handler(ctx, request)
	}
	trailer, err := i.serve(ctx, info.FullMethod, func(ctx context.Context) (err error) {
		permit, err := i.limiter.Acquire(ctx)
		if err != nil {
			return err
		}
		err = errPanicked
		defer func() { permit.Done(ctx, err) }()
		response, err = run(ctx, func(ctx context.Context) (any, error) { return handler(ctx, request) })
		return err
	})
	if trailer != nil {
		_ = grpc.SetTrailer(ctx, trailer) // fails only for one whose connection has gone
	}
	if err != nil {
		return nil, err
	}
	return response, nil
}

func (i *interceptor) stream(
	server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler,
) error {
	if strings.HasPrefix(info.FullMethod, healthPrefix) {
		return handler(server, stream)
	}
	trailer, err := i.serve(stream.Context(), info.FullMethod, func(ctx context.Context) error {
		permit, err := i.limiter.Acquire(ctx)
		if err != nil {
			return err
		}
		permit.Done(ctx, nil) // a stream may take any time, and most of it waits for the other side
		_, err = run(ctx, func(ctx context.Context) (any, error) {
			return nil, handler(server, &servedStream{stream, ctx})
		})
		return err
	})
	if trailer != nil {
		stream.SetTrailer(trailer)
	}
	return err
}

// servedStream is a stream with the context of its call.
type servedStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // what Context returns
}

// Context implements [grpc.ServerStream].
func (s *servedStream) Context() context.Context { return s.ctx }

// run runs a handler. The calls that it makes have records of their own, and its error
// says that it ran.
func run(ctx context.Context, handler func(context.Context) (any, error)) (any, error) {
	call.Of(ctx).Inbound = true
	response, err := handler(ctx)
	return response, wire.MarkProcessed(served(err))
}

// serve answers a request by run, with the record of the call in its context, a span,
// metrics, a log line for a failure, and a panic guard. It returns what is sent of a
// failure.
func (i *interceptor) serve(
	ctx context.Context, method string, run func(context.Context) error,
) (trailer metadata.MD, failed error) {
	start := time.Now()
	r := requestOf(ctx, method)
	ctx, stop, err := wire.Read(r, i.Trust)
	defer stop()
	record := call.Of(ctx)
	record.Operation = call.Operation{Service: i.Name, Name: method}
	ctx = wire.Identify(ctx, record, r, nil)
	ctx, span := i.Tracer.Start(ctx, method, tracing.Server)
	defer func() {
		if p := recover(); p != nil {
			i.Logger.LogAttrs(ctx, slog.LevelError, "handler panicked", append(i.attrs(ctx, record),
				slog.Any("panic", p), slog.String("stack", string(debug.Stack())))...)
			err = errPanicked
		}
		span.End(err)
		i.metrics.Server(i.Name, method).Observe(time.Since(start), err)
		if err != nil {
			i.log(ctx, record, err)
			status, with := sent(err)
			trailer, failed = with, status.Err()
		}
	}()
	if err == nil {
		err = run(ctx)
	}
	return nil, err
}

// log writes a log line for a failure of the service. A refusal writes none, since an
// overload must not fill the log.
func (i *interceptor) log(ctx context.Context, record *call.Record, err error) {
	if fault.IsUnprocessed(err) || fault.Judge(ctx, err).Outcome() != fault.Failure {
		return
	}
	i.Logger.LogAttrs(ctx, slog.LevelWarn, "request failed", append(i.attrs(ctx, record),
		slog.String("code", fault.CodeOf(err).String()), slog.String("error", err.Error()))...)
}

func (i *interceptor) attrs(ctx context.Context, record *call.Record) []slog.Attr {
	all := []slog.Attr{
		slog.String("service", i.Name), slog.String("method", record.Name), slog.String("request_id", record.RequestID),
	}
	if span := tracing.SpanContextOf(ctx); span.IsValid() {
		all = append(all, slog.String("trace_id", span.TraceID.String()))
	}
	return all
}
