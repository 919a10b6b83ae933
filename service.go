package sinew

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/deadline"
	"github.com/sinew-go/sinew/internal/headertext"
	"github.com/sinew-go/sinew/internal/service"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/metrics"
	"github.com/sinew-go/sinew/registry"
)

// Service is one service of a system: what it serves, what it calls, and when it starts
// and stops. Make it with [New], give it handlers and subscriptions, then call
// [Service.Main]. It is safe for concurrent use.
type Service struct {
	name     string
	id       string
	config   Config
	metrics  *metrics.Metrics
	registry registry.Registry
	resolver *registry.Resolver
	http     *http.Client
	http2    *http.Client // speaks HTTP/2 only
	limiter  loggedLimiter
	mux      *http.ServeMux
	admin    *http.ServeMux
	ownPages sync.Map // of patterns: those that are polled all the time
	handler  func() http.Handler

	unheard       unheardCounter
	untrustedOnce sync.Once // for logUntrusted

	// What starts and stops, in the order of stages. Each has its own lock.
	state         *service.RunState
	servers       *service.Servers
	subscriptions *service.Subscriptions
	jobs          *service.Jobs
	readiness     *service.Readiness
	announcer     *service.Announcer
	drainDelay    service.DrainDelay
	stopped       chan struct{} // closed when Shutdown is done
	result        error         // of Shutdown; valid once stopped is closed

	mu            sync.Mutex
	clients       map[string]*Client
	middleware    []func(http.Handler) http.Handler
	handlerMade   bool
	handlers      []http.Handler
	description   description
	instance      registry.Instance // zero before the service listens
	adminURL      string            // URL of the admin pages
	closers       []func()          // of whatever watches the registry or the clients
	watchesClosed bool              // the closers have been called
}

// New makes a service with this name, which is printable ASCII of at most 128 bytes.
// Nothing listens or registers before [Service.Start]. New panics if [Config.Validate]
// refuses a policy, an address in c.Static or a nil part; call Validate first if c was
// read as data.
func New(name string, c Config) *Service {
	if headertext.OrEmpty(name) == "" {
		panic(fmt.Sprintf("sinew.New(%s): %q is no name for a service: it travels in headers, so make it printable ASCII of 1 to %d bytes",
			name, name, headertext.MaxLen))
	}
	if err := c.validate(); err != nil {
		panic("sinew.New(" + name + "): " + err.Error())
	}
	own, unadvertised := c.Metrics == nil, c.isUnadvertised() && c.DrainDelay == 0
	c = c.withDefaults()
	if own {
		c.Metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	log, state := c.Logger.With("service", name), service.NewRunState(name)
	s := &Service{
		name: name, id: name + "-" + rand.Text()[:12], config: c,
		metrics:  metrics.New(c.Metrics).For(name),
		registry: c.Registry,
		limiter:  loggedLimiter{AdaptiveLimiter: limit.NewAdaptive(name, c.Limit), log: log},
		mux:      http.NewServeMux(),
		admin:    http.NewServeMux(),
		clients:  map[string]*Client{},

		state:         state,
		servers:       service.NewServers(state, c.Logger),
		subscriptions: service.NewSubscriptions(state, c.Bus),
		jobs:          service.NewJobs(state),
		readiness:     service.NewReadiness(state, log),
		drainDelay:    service.DrainDelay{Delay: c.DrainDelay, UntilIdle: unadvertised},
		stopped:       make(chan struct{}),
	}
	s.http = newHTTPClient(c)
	s.http2 = newHTTP2Client(c, s.http)
	if s.registry == nil {
		s.registry = registry.NewMemory()
	}
	s.announcer = service.NewAnnouncer(state, service.Announcement{
		Registry: s.registry, Ready: s.readiness.Check, Log: log, Private: c.Registry == nil,
	})
	s.resolver = registry.NewResolver(withStatic(s.registry, c.Static), registry.ResolverPolicy{})
	s.closers = append(s.closers, newGauges(s).register(c.Metrics))
	s.registerPages()
	s.handler = sync.OnceValue(s.buildHandler)
	for _, client := range slices.Sorted(maps.Keys(c.Clients)) {
		s.logWarnings(client, c.Clients[client])
	}
	return s
}

// stage is a part of the service's run: it starts, or stops, or both.
type stage struct {
	name  string
	start func(context.Context) error
	stop  func(context.Context) (had bool, err error) // had says whether there was anything to stop
	ended string                                      // what the log says when it has stopped
}

// stages are what a service starts, from top to bottom, and stops, from bottom to top.
//
// Events and jobs have two rows, since the orders differ there. They start after the
// listeners, so that a port in use ends the start before they have had an effect. They
// stop after the requests, whose handlers publish events and add jobs.
func (s *Service) stages() []stage {
	left := "not ready any more"
	if s.config.Registry != nil {
		left = "deregistered"
	}
	return []stage{
		{name: "connections", stop: s.closeConnections},
		{name: "watches", stop: s.closeWatches, ended: "stopped"},
		{name: "jobs and checks", stop: s.stopJobs, ended: "background jobs have ended"},
		{name: "events", stop: s.subscriptions.Stop, ended: "events are handled"},
		{name: "requests", start: s.listen, stop: s.servers.Stop, ended: "requests are answered"},
		{name: "events", start: s.subscriptions.Start},
		{name: "jobs", start: s.jobs.Start},
		{name: "drain delay", stop: s.waitDrainDelay},
		{name: "registration", start: s.register, stop: s.announcer.Stop, ended: left},
	}
}

// Main runs the service until SIGTERM or SIGINT, then shuts it down and returns. A second
// signal ends the process at once. If the service cannot start, or does not stop in time,
// Main logs the reason and ends the process with status 1.
func (s *Service) Main() {
	signaled, restore := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer restore()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	context.AfterFunc(signaled, func() {
		restore() // before the stop is visible: from here on a second signal ends the process
		stop()
	})
	if err := s.Run(ctx); err != nil {
		s.config.Logger.Error("service ended", "service", s.name, "error", err)
		os.Exit(1)
	}
}

// Ready returns nil if every readiness check passes and the service is not stopping, as
// /readyz does, and else the reason.
func (s *Service) Ready(ctx context.Context) error { return s.readiness.Check(ctx) }

// Run starts the service and serves until ctx ends, its listener fails or Shutdown is
// called. Then it shuts the service down, for which it allows 30 s.
func (s *Service) Run(ctx context.Context) error {
	if err := s.state.Start(); err != nil {
		return err
	}
	err := s.start(ctx)
	switch {
	case err == nil:
		select {
		case <-ctx.Done():
		case <-s.stopped:
		case err = <-s.servers.Failed():
		}
	case ctx.Err() != nil, errors.Is(err, fault.Canceled):
		err = nil // stopped before it was ready
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	return errors.Join(err, s.Shutdown(drain))
}

// Start starts the service and returns when it is ready and registered. Until then it
// serves and waits: for its readiness checks, and for a registry that is unavailable. A
// port in use, or an address that others cannot reach, is fault.InvalidArgument or
// fault.Unavailable and names the setting. If Shutdown is called meanwhile, the error is
// fault.Canceled. Call Shutdown after an error. A service starts only once.
func (s *Service) Start(ctx context.Context) error {
	if err := s.state.Start(); err != nil {
		return err
	}
	return s.start(ctx)
}

func (s *Service) start(ctx context.Context) error {
	for _, stage := range s.stages() {
		if stage.start == nil {
			continue
		}
		if err := stage.start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Shutdown stops the service in order and returns when everything is released. If ctx ends
// first, whatever still runs is cut off; the error then is ctx's and names what did not
// end. It is logged, too, as each step is. A ctx without a deadline gets 30 s. Calls after
// the first wait for its result.
func (s *Service) Shutdown(ctx context.Context) error {
	if s.state.Stop() {
		s.result = s.stop(ctx)
		close(s.stopped)
	}
	select {
	case <-s.stopped:
		return s.result
	default:
	}
	select {
	case <-s.stopped:
		return s.result
	case <-ctx.Done():
		return fault.CodeOf(ctx.Err()).Errorf("service %s has not stopped yet: %w", s.name, ctx.Err())
	}
}

func (s *Service) stop(ctx context.Context) error {
	ctx, cancel := deadline.EnsureDeadline(ctx, shutdownTimeout)
	defer cancel()
	log, start := s.config.Logger.With("service", s.name), time.Now()
	if !s.servers.Any() { // it has not served, so there is nothing to report
		log = slog.New(slog.DiscardHandler)
	}
	until, _ := ctx.Deadline()
	log.Info("shutting down", "requests", s.limiter.Snapshot().InFlight, "within", time.Until(until))
	var faults []error
	for _, stage := range slices.Backward(s.stages()) {
		if stage.stop == nil {
			continue
		}
		had, err := stage.stop(ctx)
		switch {
		case err != nil:
			faults = append(faults, err)
		case had:
			log.Info(stage.ended, "duration", time.Since(start))
		}
	}
	err := errors.Join(faults...)
	if err != nil {
		err = fmt.Errorf("service %s: %w", s.name, err)
		s.config.Logger.Error("the service did not stop in order", "service", s.name, "error", err)
	}
	return err
}

// Stopping returns a channel that is closed when Shutdown starts. A handler that would go
// on, such as a stream of events, a long poll or an upgraded connection, must then return,
// so that its answer ends properly. A handler that waits only for the request's context
// delays the shutdown until it is cut off.
func (s *Service) Stopping() <-chan struct{} { return s.state.Stopping() }
