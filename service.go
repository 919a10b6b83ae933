package sinew

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/idempotency"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/headertext"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/metrics"
	"github.com/sinew-go/sinew/registry"
)

// Service is one service of a system: what it serves, what it calls, and when it starts
// and stops. Make it with [New], give it handlers and subscriptions, then call
// [Service.Main]. It is safe for concurrent use.
type Service struct {
	name         string
	id           string
	config       Config
	unadvertised bool // only this process can know the address
	metrics      *metrics.Metrics
	registry     registry.Registry
	resolver     *registry.Resolver
	http         *http.Client
	limiter      loggedLimiter
	mux          *http.ServeMux
	admin        *http.ServeMux
	ownPages     map[string]bool // by pattern; not modified after New
	handler      func() http.Handler

	unheard       unheardCounter
	untrustedOnce sync.Once // for logUntrusted

	mu            sync.Mutex
	clients       map[string]*Client
	middleware    []func(http.Handler) http.Handler
	handlerMade   bool
	handlers      []http.Handler
	description   description
	checks        []*check
	subscriptions []*subscription // replaced, never changed
	edges         map[edge]bool
	jobs          []func(context.Context)
	state         runState
}

// New makes a service with this name, which is printable ASCII of at most 128 bytes.
// Nothing listens or registers before [Service.Start]. New panics if [Config.Validate]
// refuses a policy, an address in c.Static or a nil part; call Validate first if c was
// read as data.
func New(name string, c Config) *Service {
	if headertext.OrEmpty(name) == "" {
		panic(fmt.Sprintf("sinew.New(%s): %q is no name for a service: it travels in headers, so make it printable ASCII of 1 to %d bytes", name, name, headertext.MaxLen))
	}
	if err := c.validate(); err != nil {
		panic("sinew.New(" + name + "): " + err.Error())
	}
	own, unadvertised := c.Metrics == nil, c.isUnadvertised() && c.DrainDelay == 0
	c = c.withDefaults()
	if own {
		c.Metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	s := &Service{
		name: name, id: name + "-" + rand.Text()[:12], config: c, unadvertised: unadvertised,
		metrics:  metrics.New(c.Metrics).For(name),
		registry: c.Registry,
		http:     newHTTPClient(c),
		limiter:  loggedLimiter{AdaptiveLimiter: limit.NewAdaptive(name, c.Limit), log: c.Logger.With("service", name)},
		mux:      http.NewServeMux(),
		ownPages: map[string]bool{},
		admin:    http.NewServeMux(),
		clients:  map[string]*Client{},
		edges:    map[edge]bool{},
		state:    runState{stopSignal: make(chan struct{}), stopped: make(chan struct{})},
	}
	s.state.checkContext, s.state.cancelChecks = context.WithCancel(context.Background())
	if s.registry == nil {
		s.registry = registry.NewMemory()
	}
	s.resolver = registry.NewResolver(withStatic(s.registry, c.Static), registry.ResolverPolicy{})
	s.state.closers = append(s.state.closers, newGauges(s).register(c.Metrics))
	s.registerPages()
	s.handler = sync.OnceValue(s.buildHandler)
	for _, client := range slices.Sorted(maps.Keys(c.Clients)) {
		s.logWarnings(client, c.Clients[client])
	}
	return s
}

// Handle serves a pattern of [http.ServeMux] with h, inside the span, metrics, limit and
// panic guard that every request gets. Contracts such as rest.Route call it. A handler
// that describes itself appears in /openapi.json. Handle panics on a malformed pattern and
// on one that is in use.
func (s *Service) Handle(pattern string, h http.Handler) {
	if absent.Is(h) {
		panic("sinew: service " + s.name + ": the handler of " + pattern + " is nil")
	}
	s.mu.Lock()
	s.handlers = append(s.handlers, h)
	s.mu.Unlock()
	s.mux.Handle(pattern, s.instrumented(pattern, h))
}

// Use wraps everything that the service serves on Addr, including its own pages, in HTTP
// middleware; the first one is the outermost. It runs outside the limit, and inside the
// request's id, span, metrics, log line and panic guard, which therefore cover what it
// refuses. Use panics after Start or Handler. If a middleware returns nil, Start and
// Handler panic.
func (s *Service) Use(wraps ...func(http.Handler) http.Handler) {
	for i, wrap := range wraps {
		if wrap == nil {
			panic(fmt.Sprintf("sinew: service %s: middleware %d of %d in Use is nil", s.name, i+1, len(wraps)))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handlerMade {
		panic("sinew: service " + s.name + ": Use comes after Start or Handler, and would wrap nothing")
	}
	s.middleware = append(s.middleware, wraps...)
}

// SetLimit replaces Config.Limit while requests are answered. The limit's measurements
// stay. A policy that does not validate is refused.
func (s *Service) SetLimit(p limit.Adaptive) error {
	if err := s.limiter.Set(p); err != nil {
		return fault.InvalidArgument.Errorf("the limit of service %s: %w", s.name, err)
	}
	return nil
}

// Handler returns what the service serves, without a socket: for httptest, or for a server
// of your own.
func (s *Service) Handler() http.Handler { return s.handler() }

// buildHandler makes the handler, once, since middleware may have state. It does not hold
// the lock, since middleware may ask the service for a client.
func (s *Service) buildHandler() http.Handler {
	s.mu.Lock()
	s.handlerMade = true
	middleware := s.middleware
	s.mu.Unlock()
	h := routed(s.mux)
	for _, wrap := range slices.Backward(middleware) {
		if h = wrap(h); absent.Is(h) {
			panic("sinew: service " + s.name + ": a middleware in Use returned a nil handler; return next, or one around it")
		}
	}
	return s.withConnectionClose(s.withCall(s.mux, h))
}

// Client returns the client of the service with this name. There is one per name.
func (s *Service) Client(name string) *Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.clients[name]; ok {
		return c
	}
	c := newClient(s, name, s.config.Clients[name])
	s.clients[name] = c
	s.state.closers = append(s.state.closers, c.logBreakerChanges(), s.resolver.Subscribe(name, c.setInstances))
	return c
}

// allClients returns the existing clients, sorted by name.
func (s *Service) allClients() []*Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*Client, 0, len(s.clients))
	for _, name := range slices.Sorted(maps.Keys(s.clients)) {
		all = append(all, s.clients[name])
	}
	return all
}

// Go adds a background job. It starts with the service, or at once if that has started.
// Its context ends when the service stops, after the last request and event are answered,
// and Shutdown waits for it. A job that is added after that does not start, which is
// logged.
func (s *Service) Go(job func(ctx context.Context)) {
	if job == nil {
		panic("sinew: service " + s.name + ": a background job is nil")
	}
	s.mu.Lock()
	over := s.state.jobsStopped
	switch {
	case over:
	case s.state.jobContext != nil:
		s.state.startJob(job)
	default:
		s.jobs = append(s.jobs, job)
	}
	s.mu.Unlock()
	if over {
		s.config.Logger.Warn("background job not begun: the service is shut down", "service", s.name, "job", functionName(job))
	}
}

// Logger returns the service's logger.
func (s *Service) Logger() *slog.Logger { return s.config.Logger }

// IdempotencyStore returns the store in which Keyed routes of the service keep answers.
func (s *Service) IdempotencyStore() idempotency.Store { return s.config.Idempotency }

// Subject returns who sent a request, by Config.Subject; "" if that is nil.
func (s *Service) Subject(r *http.Request) string {
	if s.config.Subject == nil {
		return ""
	}
	return s.config.Subject(r)
}

func newHTTPClient(c Config) *http.Client {
	if c.Transport != nil {
		return &http.Client{Transport: c.Transport}
	}
	dialer := net.Dialer{Timeout: 2 * time.Second, KeepAlive: 30 * time.Second}
	transport := &http.Transport{
		DialContext:            dialer.DialContext,
		MaxConnsPerHost:        1024,
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    5 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: maxHeaderBytes,
		// One connection carries all calls to an instance, so a dead one must be found by pings.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
	}
	if c.TLS != nil {
		transport.TLSClientConfig = c.TLS.Clone()
	}
	return &http.Client{Transport: transport}
}
