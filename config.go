package sinew

import (
	"crypto/tls"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/tracing"
)

// Config is what a [Service] is made of. The zero Config serves on :8080, with
// every time limit set, and finds nobody but itself.
type Config struct {
	// Version is the service's own, shown in the registry and the OpenAPI page.
	Version string
	// Addr is where the service listens, ":8080" when empty. Port 0 takes a
	// free one; [Service.URL] tells it.
	Addr string
	// Advertise is the host:port that others reach the service at. When empty
	// it is Addr, with an address of this machine where Addr has no host. With
	// a registry outside this process an address that only this machine
	// reaches is refused at start.
	Advertise string
	// Admin is an address of its own for /metrics and /readyz, and for /healthz
	// besides the one on Addr. When empty they are on Addr, and /metrics answers
	// callers on this machine alone.
	Admin string
	// Registry is where the service registers and finds others. Without one it
	// finds itself and Static.
	Registry registry.Registry
	// Static are the base URLs of services that no registry knows, by name.
	Static map[string][]string
	// Bus carries the service's events. It outlives the service: its owner
	// closes it.
	Bus eventbus.Bus
	// TLS serves HTTPS and calls other services with it. Nil is plain HTTP.
	TLS *tls.Config
	// Transport is what calls of other services are sent through. When nil it is
	// one with every time limit set, which uses TLS.
	Transport http.RoundTripper
	// Logger is slog.Default() when nil.
	Logger *slog.Logger
	// Tracer makes the spans. When nil, traces have ids and travel, and nothing
	// is reported. Its owner closes it.
	Tracer tracing.Tracer
	// Metrics is where the service's metrics are registered; a registry of its
	// own when nil.
	Metrics *prometheus.Registry
	// Idempotency remembers the answers of Keyed routes. When nil it is memory,
	// which serves a single instance.
	Idempotency endpoint.IdempotencyStore
	// Trust decides whether a caller's name, priority and attempt marks are
	// believed. When nil, those with a verified certificate are trusted, and
	// those on this machine by rest.SameMachine.
	Trust func(*http.Request) bool
	// Metadata and Tags go into the registry.
	Metadata map[string]string
	Tags     []string
	// Clients are the policies of calls to other services, by name; a service
	// that is not there has the zero ClientPolicy.
	Clients map[string]ClientPolicy
	// Limit bounds how many requests the service's own handlers answer at once,
	// all routes together; what is above it is refused with 503, before its
	// handler. The zero policy finds the bound by itself.
	Limit limit.Adaptive
	// DrainDelay is how long a stopping service still answers after it has
	// deregistered, so that callers hear of it: from the registry, or from its
	// answers where they know it by a fixed address. Zero is 1 s, and 100 ms
	// with a registry.Memory; less than zero is nothing. Shutdown's context cuts
	// it short.
	DrainDelay time.Duration
}

// What a server bounds when nothing else is said.
const (
	defaultAddr       = ":8080"
	defaultDrainDelay = time.Second
	shutdownTimeout   = 30 * time.Second
	readHeaderTimeout = 10 * time.Second
	readTimeout       = time.Minute
	writeTimeout      = 2 * time.Minute
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
)

// withDefaults is a Config of the service's own.
func (c Config) withDefaults() Config {
	c.Clients, c.Static = maps.Clone(c.Clients), maps.Clone(c.Static)
	c.Metadata, c.Tags = maps.Clone(c.Metadata), slices.Clone(c.Tags)
	if c.Addr == "" {
		c.Addr = defaultAddr
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Tracer == nil {
		c.Tracer = tracing.New()
	}
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
	if c.Idempotency == nil {
		c.Idempotency = endpoint.NewMemoryStore()
	}
	if c.Trust == nil {
		c.Trust = authenticatedOrLocal
	}
	if c.DrainDelay == 0 {
		c.DrainDelay = defaultDrainDelay
		if _, inProcess := c.Registry.(*registry.Memory); inProcess {
			c.DrainDelay = defaultDrainDelay / 10
		}
	}
	return c
}
