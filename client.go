package sinew

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
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
	hedges   atomic.Bool // first attempts are
	retrier  *retry.Retrier
	limiter  *limit.AdaptiveLimiter
	breaker  *breaker.Circuit
	pool     *loadbalance.Pool
	noting   sync.Mutex                                    // held to add to observed
	observed atomic.Pointer[map[string]*metrics.Operation] // by operation; replaced, never changed
	told     chan struct{}                                 // closed when the registry has told of the service
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
	c.observed.Store(&map[string]*metrics.Operation{})
	c.configure(p)
	return c
}

// Call implements [endpoint.Caller]: one call, with as many attempts as the
// policy allows.
func (c *Client) Call(caller context.Context, op endpoint.Operation, send func(ctx context.Context, addr string) error) (err error) {
	op.Service = c.name
	start := time.Now()
	begun := tracing.Begin(caller, op, start, start.Add(time.Duration(c.timeout.Load())))
	defer begun.Stop()
	begun.Record.From = c.service.name
	ctx, span := c.service.config.Tracer.Start(begun, op.Name, tracing.Client)

	err = errPanicked
	defer func() {
		err = concluded(&begun.Record, err)
		span.End(err)
		c.recorder(op.Name).Observe(endpoint.Elapsed(begun, start), err)
	}()
	err = c.retrier.Do(ctx, op.Safe, func(ctx context.Context, attempt int) error {
		return c.attempt(ctx, attempt, send)
	})
	if err != nil && (fault.Classify(caller, err) == fault.Failure || fault.CallerExpired(caller, err)) {
		err = fault.WithService(err, c.name)
	}
	return err
}

// Set replaces the policy while calls go on. An invalid one is refused whole.
func (c *Client) Set(p ClientPolicy) error {
	if err := p.Validate(); err != nil {
		return fault.InvalidArgument.Errorf("the policy of calls to %s: %w", c.name, err)
	}
	c.service.logWarnings(c.name, p)
	c.setting.Lock()
	defer c.setting.Unlock()
	c.configure(p)
	return errors.Join(c.retrier.Set(p.Retry), c.limiter.Set(p.Limit), c.breaker.Set(p.Breaker), c.pool.Set(p.Balance))
}

// Snapshot is how the service stands in the eyes of this client: its instances,
// the breaker's state and the retry budget.
func (c *Client) Snapshot() ClientSnapshot {
	return ClientSnapshot{Service: c.name, Retry: c.retrier.Snapshot(), Limit: c.limiter.Snapshot(), Breaker: c.breaker.Snapshot(), Balance: c.pool.Snapshot()}
}

// WaitReady reports whether the service can be called: nil, or fault.Unavailable
// saying why not. The registry knows whether there is an instance, and is not waited
// for; of the addresses in Config.Static one must take a connection, within ctx and
// 1 s.
func (c *Client) Ready(ctx context.Context) error {
	if fixed := c.service.config.Static[c.name]; len(fixed) > 0 {
		return c.service.reach(ctx, c.name, fixed)
	}
	now, cancel := context.WithCancel(ctx)
	cancel()
	return c.service.resolver.WaitReady(now, c.name)
}

// HTTPClient is the client that a transport over HTTP sends with.
func (c *Client) HTTPClient() *http.Client { return c.service.http }

// attempt sends once, or to a second instance too, where the first has yet to show
// that it does well or the policy hedges.
func (c *Client) attempt(ctx context.Context, n int, send func(context.Context, string) error) error {
	call := endpoint.CallOf(ctx) // an attempt at the same time as another one has its own
	if call.Attempt = n; n > 1 {
		call.Now = time.Time{}
	}
	var h held
	if err := c.hold(ctx, call, &h); err != nil {
		return h.note.down(call, err)
	}
	switch {
	case !call.Safe:
	case h.picked.Probe:
		return c.race(ctx, h, h.picked.Patience(), send)
	case n == 1 && c.hedges.Load():
		return c.race(ctx, h, 0, send)
	}
	return h.send(ctx, call, send)
}

// race is an attempt that another one joins when it takes so long; 0 is as long
// as the policy says.
func (c *Client) race(ctx context.Context, h held, after time.Duration, send func(context.Context, string) error) error {
	return c.retrier.Race(ctx, after, func(ctx context.Context, n int) error {
		if n > 1 {
			return c.attempt(ctx, endpoint.CallOf(ctx).Attempt, send)
		}
		return h.send(ctx, endpoint.CallOf(ctx), send)
	})
}

// held is what an attempt has been given: leave to be made, and an instance.
type held struct {
	ticket limit.Ticket
	permit breaker.Permit
	picked loadbalance.Picked
	note   note
}

// hold asks for it. The limit comes before the breaker, whose probes are few, and
// the instance is chosen last, when the attempt is sure to be made.
func (c *Client) hold(ctx context.Context, call *endpoint.Call, h *held) (err error) {
	h.note = c.look(call)
	if h.ticket, err = c.limiter.Acquire(ctx); err != nil {
		return fault.MarkRepeated(err) // another attempt would be refused as well, or take the place of a call
	}
	if h.permit, err = c.breaker.Allow(ctx); err != nil {
		h.ticket.Done(ctx, errNobodyAsked)
		return err
	}
	if h.picked, err = c.pick(ctx, call); err != nil {
		h.permit.Done(ctx, errNobodyAsked)
		h.ticket.Done(ctx, errNobodyAsked)
		return err
	}
	call.Try(h.picked.Instance.ID)
	call.Addr = h.picked.Instance.Endpoint
	return nil
}

// send makes the attempt, and tells all who gave leave how it ended, by one
// reading of the clock.
func (h *held) send(ctx context.Context, call *endpoint.Call, send func(context.Context, string) error) (err error) {
	call.Now = time.Time{} // what happens meanwhile reads the clock
	err = errPanicked
	defer func() {
		call.Now = call.Start.Add(time.Since(call.Start))
		h.picked.Done(ctx, err)
		h.permit.Done(ctx, err)
		h.ticket.Done(ctx, err)
	}()
	err = send(ctx, call.Addr)
	return h.note.down(call, err)
}

// pick chooses an instance. The very first calls wait for the registry to tell
// of any.
func (c *Client) pick(ctx context.Context, call *endpoint.Call) (loadbalance.Picked, error) {
	request := loadbalance.Request{HashKey: call.HashKey, Tried: call.Tried, Safe: call.Safe}
	picked, err := c.pool.Pick(ctx, request)
	if err == nil {
		return picked, nil
	}
	call.Now = time.Time{} // the wait is not the instance's
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

func (c *Client) recorder(operation string) *metrics.Operation {
	if r, ok := (*c.observed.Load())[operation]; ok {
		return r
	}
	r := c.service.metrics.Client(c.name, operation)
	c.noting.Lock()
	defer c.noting.Unlock()
	if known := *c.observed.Load(); len(known) < maxObserved {
		more := maps.Clone(known)
		more[operation] = r
		c.observed.Store(&more)
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

// configure takes over what no other policy holds.
func (c *Client) configure(p ClientPolicy) {
	c.timeout.Store(int64(cmp.Or(p.Timeout, defaultCallTimeout)))
	c.hedges.Store(p.Retry.Hedge.Percent > 0)
}
