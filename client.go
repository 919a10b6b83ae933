package sinew

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

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
	"github.com/sinew-go/sinew/transport/rest"
)

// discoveryTimeout is how long a call waits for the registry's first answer about the
// service.
const discoveryTimeout = 2 * time.Second

// maxOperations bounds how many operations have a cached recorder: as many as package
// metrics distinguishes.
const maxOperations = 1000

// Client calls one other service. It implements [call.Caller], so that a contract such
// as rest.Route can make a typed endpoint of it. It is safe for concurrent use and is
// usable as long as its [Service].
type Client struct {
	name    string
	service *Service

	setMu          sync.Mutex // serializes Set, so that two policies do not mix
	timeout        atomic.Int64
	hedges         atomic.Bool // first attempts may be hedged
	retrier        *retry.Retrier
	limiter        loggedLimiter
	breaker        *breaker.Circuit
	pool           *loadbalance.Pool
	recordersMu    sync.Mutex                                    // guards additions to recorders
	recorders      atomic.Pointer[map[string]*metrics.Operation] // by operation; replaced, never changed
	discovered     chan struct{}                                 // closed when the registry has answered for the first time
	discoveredOnce sync.Once
}

// ClientSnapshot is the state of a [Client] at one moment.
type ClientSnapshot struct {
	Service string                 `json:"service"`
	Retry   retry.Snapshot         `json:"retry"`
	Limit   limit.AdaptiveSnapshot `json:"limit"`
	Breaker breaker.Snapshot       `json:"breaker"`
	Balance loadbalance.Snapshot   `json:"balance"`
}

func newClient(s *Service, name string, p ClientPolicy) *Client {
	c := &Client{
		name: name, service: s,
		retrier:    retry.New(name, p.Retry),
		limiter:    loggedLimiter{AdaptiveLimiter: limit.NewAdaptive(name, p.Limit), log: s.config.Logger.With("service", s.name, "client", name)},
		breaker:    breaker.New(name, p.Breaker),
		pool:       loadbalance.New(name, p.Balance),
		discovered: make(chan struct{}),
	}
	c.recorders.Store(&map[string]*metrics.Operation{})
	c.configure(p)
	return c
}

// Call implements [call.Caller]. It makes one call, with as many attempts as the
// policy allows.
func (c *Client) Call(caller context.Context, op call.Operation, send func(ctx context.Context, addr string) error) (err error) {
	op.Service = c.name
	start := time.Now()
	callCtx := callctx.Begin[tracing.SpanContext](caller, op, start, start.Add(time.Duration(c.timeout.Load())))
	defer callCtx.Stop()
	callCtx.Call.From = c.service.name
	ctx, span := c.service.config.Tracer.Start(callCtx, op.Name, tracing.Client)

	err = errPanicked
	defer func() {
		err = finishTrail(&callCtx.Call, err)
		span.End(err)
		c.recorder(op.Name).Observe(callctx.Elapsed(callCtx, start), err)
	}()
	err = c.retrier.Do(ctx, op.Safe, func(ctx context.Context, attempt int) error {
		return c.attempt(ctx, attempt, send)
	})
	if err != nil {
		if v := fault.Judge(caller, err); v == fault.Expired || v.Outcome() == fault.Failure {
			err = fault.WithService(err, c.name)
		}
	}
	return err
}

// Set replaces the policy while calls go on. A policy that does not validate is refused as
// a whole.
func (c *Client) Set(p ClientPolicy) error {
	if err := p.Validate(); err != nil {
		return fault.InvalidArgument.Errorf("the policy of calls to %s: %w", c.name, err)
	}
	c.service.logWarnings(c.name, p)
	c.setMu.Lock()
	defer c.setMu.Unlock()
	c.configure(p)
	return errors.Join(c.retrier.Set(p.Retry), c.limiter.Set(p.Limit), c.breaker.Set(p.Breaker), c.pool.Set(p.Balance))
}

// Snapshot returns what this client knows of the service: its instances, the breaker's
// state, the limit and the retry budget.
func (c *Client) Snapshot() ClientSnapshot {
	return ClientSnapshot{Service: c.name, Retry: c.retrier.Snapshot(), Limit: c.limiter.Snapshot(), Breaker: c.breaker.Snapshot(), Balance: c.pool.Snapshot()}
}

// Ready returns nil if the service can be called, and else fault.Unavailable with the
// reason. It asks the registry whether there is an instance, without waiting for an
// answer. Of the addresses in Config.Static one must accept a connection, within ctx and 1
// s.
func (c *Client) Ready(ctx context.Context) error {
	if fixed := c.service.config.Static[c.name]; len(fixed) > 0 {
		return c.service.checkReachable(ctx, c.name, fixed)
	}
	now, cancel := context.WithCancel(ctx)
	cancel()
	return c.service.resolver.WaitReady(now, c.name)
}

// HTTPClient returns the client with which a transport such as rest.Route sends a single
// attempt. A request that is sent with it by hand has no discovery, retries or limits.
func (c *Client) HTTPClient() *http.Client { return c.service.http }

// Codecs returns the codecs that a rest.Route is called with, those of the service.
func (c *Client) Codecs() rest.Codecs { return c.service.config.Codecs }

// HTTP2Client is the HTTPClient of a transport that needs HTTP/2, such as gRPC. It speaks
// nothing else, and speaks it without TLS too, to an address with http.
func (c *Client) HTTP2Client() *http.Client { return c.service.http2 }

// attempt sends once. It sends to a second instance too if the first is on probation or
// the policy hedges.
func (c *Client) attempt(ctx context.Context, n int, send func(context.Context, string) error) error {
	made := callctx.Of(ctx) // concurrent attempts have one each
	made.Attempt = n
	var a admission
	if err := c.admit(ctx, made, &a); err != nil {
		return a.trace.finish(made, err)
	}
	switch {
	case !made.Safe:
	case a.picked.HedgeAfter > 0:
		return c.hedged(ctx, a, a.picked.HedgeAfter, send)
	case n == 1 && c.hedges.Load():
		return c.hedged(ctx, a, 0, send)
	}
	return a.send(ctx, made, send)
}

// hedged sends, and starts a second attempt if there is no answer after the given time; 0
// means the policy's own hedging delay.
func (c *Client) hedged(ctx context.Context, a admission, after time.Duration, send func(context.Context, string) error) error {
	return c.retrier.Race(ctx, after, func(ctx context.Context, n int) error {
		if n > 1 {
			return c.attempt(ctx, callctx.Of(ctx).Attempt, send)
		}
		return a.send(ctx, callctx.Of(ctx), send)
	})
}

// admission is what an attempt needs before it is sent: the permits of the limit and
// of the breaker, and an instance.
type admission struct {
	limitPermit   limit.AdaptivePermit
	breakerPermit breaker.Permit
	picked        loadbalance.Picked
	trace         attemptTrace
}

// admit fills a. The limit comes before the breaker, whose probes are few. The instance is
// chosen last, when the attempt is sure to be made.
func (c *Client) admit(ctx context.Context, made *callctx.Call, a *admission) (err error) {
	a.trace = c.startTrace(made)
	if a.limitPermit, err = c.limiter.Acquire(ctx); err != nil {
		return fault.MarkRepeated(err) // another attempt would be refused too, or displace another call
	}
	if a.breakerPermit, err = c.breaker.Allow(ctx); err != nil {
		a.limitPermit.Done(ctx, errNotSent)
		return err
	}
	if a.picked, err = c.pick(ctx, made); err != nil {
		a.breakerPermit.Done(ctx, errNotSent)
		a.limitPermit.Done(ctx, errNotSent)
		return err
	}
	made.Try(a.picked.Instance.ID)
	made.Addr = a.picked.Instance.Endpoint
	return nil
}

// send makes the attempt and reports its end to the limit, the breaker and the balancer.
// All three use one reading of the clock.
func (a *admission) send(ctx context.Context, made *callctx.Call, send func(context.Context, string) error) (err error) {
	made.Waited()
	err = errPanicked
	defer func() {
		made.ReadClock()
		a.picked.Done(ctx, err)
		a.breakerPermit.Done(ctx, err)
		a.limitPermit.Done(ctx, err)
	}()
	err = send(ctx, made.Addr)
	return a.trace.finish(made, err)
}

// pick chooses an instance. If none is known, it waits for the registry's first answer.
func (c *Client) pick(ctx context.Context, made *callctx.Call) (loadbalance.Picked, error) {
	request := loadbalance.Request{HashKey: made.HashKey, Tried: made.Tried, Safe: made.Safe}
	picked, err := c.pool.Pick(ctx, request)
	if err == nil {
		return picked, nil
	}
	made.Waited()
	timer := time.NewTimer(discoveryTimeout)
	defer timer.Stop()
	select {
	case <-c.discovered:
		return c.pool.Pick(ctx, request)
	case <-timer.C:
	case <-ctx.Done():
	}
	return picked, err
}

// setInstances is called by the resolver with the service's instances.
func (c *Client) setInstances(instances []registry.Instance) {
	c.pool.Update(instances)
	c.discoveredOnce.Do(func() { close(c.discovered) })
}

var (
	errNotSent  = fault.Aborted.Errorf("no instance was asked")
	errPanicked = fault.Internal.Errorf("the attempt panicked")
)

func (c *Client) recorder(operation string) *metrics.Operation {
	if r, ok := (*c.recorders.Load())[operation]; ok {
		return r
	}
	r := c.service.metrics.Client(c.name, operation)
	c.recordersMu.Lock()
	defer c.recordersMu.Unlock()
	if known := *c.recorders.Load(); len(known) < maxOperations {
		more := maps.Clone(known)
		more[operation] = r
		c.recorders.Store(&more)
	}
	return r
}

// logBreakerChanges logs the breaker's state changes until stop is called. stop waits for
// the last line.
func (c *Client) logBreakerChanges() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	changes := c.breaker.Changes(ctx)
	var log sync.WaitGroup
	log.Go(func() {
		for change := range changes {
			c.logBreakerChange(change)
		}
	})
	return func() {
		cancel()
		log.Wait()
	}
}

func (c *Client) logBreakerChange(change breaker.Change) {
	level := slog.LevelInfo
	if change.To == breaker.Open {
		level = slog.LevelWarn
	}
	c.service.config.Logger.Log(context.Background(), level, "breaker changed state",
		"service", c.service.name, "client", c.name, "from", change.From, "to", change.To)
}

// configure stores the settings that belong to none of the parts.
func (c *Client) configure(p ClientPolicy) {
	c.timeout.Store(int64(p.WithDefaults().Timeout))
	c.hedges.Store(p.Retry.Hedge.Percent > 0)
}
