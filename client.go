package sinew

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/deadline"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/metrics"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/retry"
	"github.com/sinew-go/sinew/tracing"
)

// firstAnswer is how long a call waits for a registry that has not yet told of
// the service.
const firstAnswer = 2 * time.Second

// maxObserved is how many operations a client knows by name: as many as metrics
// tells apart.
const maxObserved = 1000

// Client calls one other service. It implements [endpoint.Caller], so that a
// contract makes a typed endpoint of it. It is safe for concurrent use and
// lives as long as its [Service].
type Client struct {
	name    string
	service *Service

	setting  sync.Mutex // held by Set, so that policies do not mix
	timeout  atomic.Int64
	retrier  *retry.Retrier
	limiter  *limit.AdaptiveLimiter
	breaker  *breaker.Circuit
	pool     *loadbalance.Pool
	observed sync.Map // operation name → *metrics.Recorder
	distinct atomic.Int64
	told     chan struct{} // closed when the registry has told of the service
	tell     sync.Once
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
		retrier: retry.New(name, p.Retry),
		limiter: limit.NewAdaptive(name, p.Limit),
		breaker: breaker.New(name, p.Breaker),
		pool:    loadbalance.New(name, p.Balance),
		told:    make(chan struct{}),
	}
	c.setTimeout(p.Timeout)
	return c
}

// Call implements [endpoint.Caller]: one call, with as many attempts as the
// policy allows.
func (c *Client) Call(caller context.Context, op endpoint.Operation, send func(ctx context.Context, addr string) error) error {
	op.Service = c.name
	start := time.Now()
	limited := deadline.With(caller, start.Add(time.Duration(c.timeout.Load())))
	defer limited.Stop()
	ctx, span := c.service.config.Tracer.Start(limited, op.Name, tracing.Client)
	ctx, call := endpoint.WithCall(ctx, endpoint.Outgoing(caller, op))
	call.From, call.Start, call.Now, call.Caller = c.service.name, start, start, caller
	call.Deadline, _ = limited.Deadline()

	err := error(errPanicked)
	defer func() {
		span.End(err)
		c.recorder(op.Name).Observe(time.Since(start), err)
	}()
	err = c.retrier.Do(ctx, op.Safe, func(ctx context.Context, attempt int) error {
		return c.attempt(ctx, attempt, send)
	})
	if err != nil && (fault.Classify(caller, err) == fault.Failure || fault.Expired(caller, err)) {
		err = fault.Blame(err, c.name)
	}
	return err
}

// Set replaces the policy while calls go on. An invalid one is refused whole.
func (c *Client) Set(p ClientPolicy) error {
	if err := p.Validate(); err != nil {
		return fault.InvalidArgument.Errorf("the policy of calls to %s: %w", c.name, err)
	}
	c.setting.Lock()
	defer c.setting.Unlock()
	c.setTimeout(p.Timeout)
	return errors.Join(c.retrier.Set(p.Retry), c.limiter.Set(p.Limit), c.breaker.Set(p.Breaker), c.pool.Set(p.Balance))
}

// Snapshot is how the service stands in the eyes of this client: its instances,
// the breaker's state and the retry budget.
func (c *Client) Snapshot() ClientSnapshot {
	return ClientSnapshot{Service: c.name, Retry: c.retrier.Snapshot(), Limit: c.limiter.Snapshot(), Breaker: c.breaker.Snapshot(), Balance: c.pool.Snapshot()}
}

// Ready reports, without waiting, whether the service has an instance: nil, or
// fault.Unavailable saying why not.
func (c *Client) Ready(ctx context.Context) error {
	now, cancel := context.WithCancel(ctx)
	cancel()
	return c.service.resolver.Ready(now, c.name)
}

// HTTPClient is the client that a transport over HTTP sends with.
func (c *Client) HTTPClient() *http.Client { return c.service.http }

// attempt sends once. What a failure says about the service is judged in the
// caller's own context, in which our time limit is our own.
func (c *Client) attempt(ctx context.Context, attempt int, send func(context.Context, string) error) error {
	call := endpoint.CallOf(ctx) // an attempt at the same time as another one has its own
	if call.Attempt = attempt; attempt > 1 {
		call.Now = time.Time{}
	}
	ticket, err := c.limiter.Acquire(ctx)
	if err != nil {
		return err
	}
	permit, err := c.breaker.Allow(ctx)
	if err != nil {
		ticket.Done(ctx, errNobodyAsked)
		return err
	}
	picked, err := c.pick(ctx, call)
	if err != nil {
		permit.Done(ctx, errNobodyAsked)
		ticket.Done(ctx, errNobodyAsked)
		return err
	}
	call.Try(picked.Instance.ID)
	call.Addr = picked.Instance.Endpoint
	call.Now = time.Time{} // what happens meanwhile reads the clock
	err = errPanicked
	defer func() {
		call.Now = call.Start.Add(time.Since(call.Start))
		picked.Done(ctx, err)
		permit.Done(ctx, err)
		ticket.Done(ctx, err)
	}()
	err = send(ctx, call.Addr)
	return err
}

// pick chooses an instance. The very first calls wait for the registry to tell
// of any.
func (c *Client) pick(ctx context.Context, call *endpoint.Call) (loadbalance.Picked, error) {
	request := loadbalance.Request{HashKey: call.HashKey, Tried: call.Tried}
	picked, err := c.pool.Pick(ctx, request)
	if err == nil {
		return picked, nil
	}
	patience := time.NewTimer(firstAnswer)
	defer patience.Stop()
	select {
	case <-c.told:
		return c.pool.Pick(ctx, request)
	case <-patience.C:
	case <-ctx.Done():
	}
	return picked, err
}

// update is told of the service's instances.
func (c *Client) update(instances []registry.Instance) {
	c.pool.Update(instances)
	c.tell.Do(func() { close(c.told) })
}

var (
	errNobodyAsked = fault.Aborted.Errorf("no instance was asked")
	errPanicked    = fault.Internal.Errorf("the attempt panicked")
)

func (c *Client) recorder(operation string) *metrics.Recorder {
	if r, ok := c.observed.Load(operation); ok {
		return r.(*metrics.Recorder)
	}
	r := c.service.metrics.Client(c.name, operation)
	if c.distinct.Load() < maxObserved {
		if _, there := c.observed.LoadOrStore(operation, r); !there {
			c.distinct.Add(1)
		}
	}
	return r
}

// logChanges logs what the breaker does, until stop is called, which waits for the
// last line.
func (c *Client) logChanges() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	changes := c.breaker.Changes(ctx)
	var log sync.WaitGroup
	log.Go(func() {
		for change := range changes {
			c.logChange(change)
		}
	})
	return func() {
		cancel()
		log.Wait()
	}
}

// logChange says that the breaker lets calls through no more, or again.
func (c *Client) logChange(change breaker.Change) {
	level := slog.LevelInfo
	if change.To == breaker.Open {
		level = slog.LevelWarn
	}
	c.service.config.Logger.Log(context.Background(), level, "breaker changed state",
		"service", c.service.name, "client", c.name, "from", change.From, "to", change.To)
}

func (c *Client) setTimeout(d time.Duration) {
	if d == 0 {
		d = defaultCallTimeout
	}
	c.timeout.Store(int64(d))
}
