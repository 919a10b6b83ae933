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

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/headertext"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/metrics"
	"github.com/sinew-go/sinew/registry"
)

// Service is one service of a system: what it serves, whom it calls, and its
// life. Make it with [New], give it handlers and subscriptions, then let
// [Service.Main] run it. It is safe for concurrent use.
type Service struct {
	name     string
	id       string
	config   Config
	untold   bool // nobody knows the address but by this process
	metrics  *metrics.Metrics
	registry registry.Registry
	resolver *registry.Resolver
	http     *http.Client
	limiter  *limit.AdaptiveLimiter
	mux      *http.ServeMux
	admin    *http.ServeMux
	ownPages map[string]bool // by pattern; not written to after New
	handler  func() http.Handler

	unheard unheard
	unknown sync.Once // done when it was said that a caller which calls itself a service is not trusted

	mu            sync.Mutex
	clients       map[string]*Client
	wraps         []func(http.Handler) http.Handler
	wrapped       bool
	described     []http.Handler
	description   description
	checks        []*check
	subscriptions []*subscription // replaced, never changed
	fed           map[feed]bool
	jobs          []func(context.Context)
	life          life
}

// New makes a service of this name, which is printable ASCII of at most 128
// bytes. Nothing listens or registers before [Service.Start]. It panics where
// [Config.Validate] refuses a policy, an address in c.Static or a part that is nil:
// ask that first where c came as data.
func New(name string, c Config) *Service {
	if headertext.OrEmpty(name) == "" {
		panic(fmt.Sprintf("sinew.New(%s): %q is no name for a service: it travels in headers, so make it printable ASCII of 1 to %d bytes", name, name, headertext.MaxLen))
	}
	if err := c.validate(); err != nil {
		panic("sinew.New(" + name + "): " + err.Error())
	}
	own, untold := c.Metrics == nil, c.untold() && c.DrainDelay == 0
	c = c.withDefaults()
	if own {
		c.Metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	s := &Service{
		name: name, id: name + "-" + rand.Text()[:12], config: c, untold: untold,
		metrics:  metrics.New(c.Metrics).For(name),
		registry: c.Registry,
		http:     newHTTPClient(c),
		limiter:  limit.NewAdaptive(name, c.Limit),
		mux:      http.NewServeMux(),
		ownPages: map[string]bool{},
		admin:    http.NewServeMux(),
		clients:  map[string]*Client{},
		fed:      map[feed]bool{},
		life:     life{stops: make(chan struct{}), stopped: make(chan struct{})},
	}
	s.life.checks, s.life.endChecks = context.WithCancel(context.Background())
	if s.registry == nil {
		s.registry = registry.NewMemory()
	}
	s.resolver = registry.NewResolver(withStatic(s.registry, c.Static), registry.ResolverPolicy{})
	s.life.closing = append(s.life.closing, newGauges(s).show(c.Metrics))
	s.pages()
	s.handler = sync.OnceValue(s.wrap)
	for _, client := range slices.Sorted(maps.Keys(c.Clients)) {
		s.logWarnings(client, c.Clients[client])
	}
	return s
}

// Handle serves a pattern of [http.ServeMux] with h, inside the span, metrics,
// limit and panic guard that every request has. Contracts such as rest.Route register
// themselves with it, and what describes itself is on /openapi.json. It panics
// on a pattern that is taken or malformed.
func (s *Service) Handle(pattern string, h http.Handler) {
	if absent.Is(h) {
		panic("sinew: service " + s.name + ": the handler of " + pattern + " is nil")
	}
	s.mu.Lock()
	s.described = append(s.described, h)
	s.mu.Unlock()
	s.mux.Handle(pattern, s.observed(pattern, h))
}

// Use wraps everything that the service serves on Addr, its own pages included,
// in HTTP middleware; the first one given is the outermost. It runs inside the
// request's id, span, metrics, log line and panic guard, so that they tell of what
// it refuses, too, and outside the limit. Call it before Start and Handler: it
// panics when it comes too late. One that returns nil has Start and Handler panic.
func (s *Service) Use(wraps ...func(http.Handler) http.Handler) {
	for i, wrap := range wraps {
		if wrap == nil {
			panic(fmt.Sprintf("sinew: service %s: middleware %d of %d in Use is nil", s.name, i+1, len(wraps)))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wrapped {
		panic("sinew: service " + s.name + ": Use comes after Start or Handler, and would wrap nothing")
	}
	s.wraps = append(s.wraps, wraps...)
}

// SetLimit replaces Config.Limit while requests are answered; what was learned
// stays. An invalid one is refused.
func (s *Service) SetLimit(p limit.Adaptive) error {
	if err := s.limiter.Set(p); err != nil {
		return fault.InvalidArgument.Errorf("the limit of service %s: %w", s.name, err)
	}
	return nil
}

// Handler is what the service serves, without a socket: for httptest, or for a
// server of your own.
func (s *Service) Handler() http.Handler { return s.handler() }

// wrap is the handler, which is made once: middleware may have a state. It is
// made unlocked: middleware may ask the service for a client.
func (s *Service) wrap() http.Handler {
	s.mu.Lock()
	s.wrapped = true
	wraps := s.wraps
	s.mu.Unlock()
	h := routed(s.mux)
	for _, wrap := range slices.Backward(wraps) {
		if h = wrap(h); absent.Is(h) {
			panic("sinew: service " + s.name + ": a middleware in Use returned a nil handler; return next, or one around it")
		}
	}
	return s.closing(s.accounted(s.mux, h))
}

// Client is the client of the service with this name, one per name.
func (s *Service) Client(name string) *Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.clients[name]; ok {
		return c
	}
	c := newClient(s, name, s.config.Clients[name])
	s.clients[name] = c
	s.life.closing = append(s.life.closing, c.logChanges(), s.resolver.Subscribe(name, c.update))
	return c
}

// allClients are the clients that there are, by name.
func (s *Service) allClients() []*Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*Client, 0, len(s.clients))
	for _, name := range slices.Sorted(maps.Keys(s.clients)) {
		all = append(all, s.clients[name])
	}
	return all
}

// Go adds a background job. It starts with the service; its context
// ends when the service stops, after the last request and event are answered,
// and Shutdown waits for it. A job that comes later is not begun, which is
// logged.
func (s *Service) Go(job func(ctx context.Context)) {
	if job == nil {
		panic("sinew: service " + s.name + ": a background job is nil")
	}
	s.mu.Lock()
	over := s.life.jobsOver
	switch {
	case over:
	case s.life.jobs != nil:
		s.life.begin(job)
	default:
		s.jobs = append(s.jobs, job)
	}
	s.mu.Unlock()
	if over {
		s.config.Logger.Warn("background job not begun: the service is shut down", "service", s.name, "job", nameOf(job))
	}
}

// Logger is where the service logs.
func (s *Service) Logger() *slog.Logger { return s.config.Logger }

// IdempotencyStore is where Keyed routes of the service remember their answers.
func (s *Service) IdempotencyStore() endpoint.IdempotencyStore { return s.config.Idempotency }

// Subject is who sent a request, by Config.Subject; "" where that is nil.
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
		// One connection carries all calls to an instance: find out when it is dead.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
	}
	if c.TLS != nil {
		transport.TLSClientConfig = c.TLS.Clone()
	}
	return &http.Client{Transport: transport}
}
