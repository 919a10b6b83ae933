package grpcgo

import (
	"context"
	"encoding/json"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/metrics"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/retry"
	"github.com/sinew-go/sinew/tracing"
)

// Client gives a connection that grpc.NewClient makes what a sinew.Client has. Prefer
// [NewConn] where there is a sinew.Client: that hedges probes and slow calls, too, and is
// in the pages and metrics of its service. The zero Client is usable.
type Client struct {
	// Name is the name of the called service, and From that of the calling one, in
	// metrics and errors.
	Name, From string
	// Registry finds the instances of a target such as "sinew:///order". Nil leaves
	// targets and balancing to grpc-go.
	Registry registry.Discoverer
	// Timeout bounds a whole call, all attempts together. Zero is 10 s.
	Timeout time.Duration
	// Retry repeats failed attempts; it does not hedge. Limit bounds how many attempts are
	// in flight. Breaker stops calls to a service that fails. Balance chooses the instance
	// of each attempt; it is used with a Registry only.
	Retry   retry.Policy
	Limit   limit.Adaptive
	Breaker breaker.Policy
	Balance loadbalance.Policy
	// Metrics is where the metrics are registered. Nil registers none.
	Metrics prometheus.Registerer
	// Tracer makes the spans. When nil, traces travel on and are not reported.
	Tracer tracing.Tracer
}

// Options returns the options of one connection: interceptors for unary methods and for
// streams and, with a Registry, the resolver and the balancer. Options panics if a policy
// does not validate.
func (c Client) Options() []grpc.DialOption {
	i := c.interceptor()
	options := []grpc.DialOption{
		grpc.WithChainUnaryInterceptor(i.unary), grpc.WithChainStreamInterceptor(i.stream),
	}
	if c.Registry == nil {
		return options
	}
	if err := c.Balance.Validate(); err != nil {
		panic("grpcgo.Client of " + c.Name + ": " + err.Error())
	}
	policy, err := json.Marshal(c.Balance)
	if err != nil {
		panic("grpcgo.Client of " + c.Name + ": " + err.Error())
	}
	return append(options, grpc.WithResolvers(NewResolver(c.Registry)), grpc.WithDisableServiceConfig(), grpc.WithConnectParams(connectOften),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"`+name+`": `+string(policy)+`}]}`))
}

func (c Client) interceptor() *clientInterceptor {
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
	if c.Tracer == nil {
		c.Tracer = tracing.New()
	}
	return &clientInterceptor{
		Client: c, retrier: retry.New(c.Name, c.Retry), limiter: limit.NewAdaptive(c.Name, c.Limit),
		circuit: breaker.New(c.Name, c.Breaker), metrics: metrics.New(c.Metrics).For(c.From),
	}
}

// clientInterceptor makes the calls of one connection. It is a call.Caller that leaves the
// choice of the instance to the connection.
type clientInterceptor struct {
	Client
	retrier *retry.Retrier
	limiter *limit.AdaptiveLimiter
	circuit *breaker.Circuit
	metrics *metrics.Metrics
}

var errNotSent = fault.Aborted.Errorf("no instance was asked")

func (i *clientInterceptor) unary(
	ctx context.Context, method string, request, reply any,
	cc *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	send := func(ctx context.Context, _ string, reply any, opts []grpc.CallOption) error {
		return next(ctx, method, request, reply, cc, opts...)
	}
	return invoke(ctx, i, method, reply, opts, send)
}

func (i *clientInterceptor) stream(
	ctx context.Context, desc *grpc.StreamDesc,
	cc *grpc.ClientConn, method string, next grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	open := func(ctx context.Context, _ string, opts []grpc.CallOption) (grpc.ClientStream, error) {
		b := &begin{}
		s, err := next(context.WithValue(ctx, beginKey{}, b), desc, cc, method, opts...)
		b.ended(ctx, method, err)
		return s, err
	}
	return openStream(ctx, i, method, opts, open)
}

// Call implements [call.Caller].
func (i *clientInterceptor) Call(
	caller context.Context, op call.Operation, send func(ctx context.Context, addr string) error,
) (err error) {
	op.Service = i.Name
	start := time.Now()
	callCtx := callctx.Begin[tracing.SpanContext](caller, op, start, start.Add(i.Timeout))
	defer callCtx.Stop()
	callCtx.Call.From = i.From
	ctx, span := i.Tracer.Start(callCtx, op.Name, tracing.Client)
	err = errPanicked
	defer func() {
		span.End(err)
		i.metrics.Client(i.Name, op.Name).Observe(time.Since(start), err)
	}()
	err = i.retrier.Do(ctx, op.Safe, func(ctx context.Context, n int) error {
		callctx.Of(ctx).Attempt = n
		return i.attempt(ctx, send)
	})
	if err != nil && fault.Judge(caller, err).Outcome() == fault.Failure {
		err = fault.WithService(err, i.Name)
	}
	return err
}

// attempt makes one attempt within the limit and the breaker.
func (i *clientInterceptor) attempt(ctx context.Context, send func(ctx context.Context, addr string) error) error {
	place, err := i.limiter.Acquire(ctx)
	if err != nil {
		return fault.MarkRepeated(err) // another attempt would be refused too, or displace another call
	}
	permit, err := i.circuit.Allow(ctx)
	if err != nil {
		place.Done(ctx, errNotSent)
		return err
	}
	err = errPanicked
	defer func() {
		permit.Done(ctx, err)
		place.Done(ctx, err)
	}()
	err = send(ctx, "")
	return err
}
