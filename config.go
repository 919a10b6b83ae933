package sinew

import (
	"cmp"
	"crypto/tls"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

// Config is what a [Service] is made of. The zero Config serves on :8080, with
// every time limit set, and finds nobody but itself.
type Config struct {
	// Version is the service's own, shown in the registry and the OpenAPI page.
	Version string
	// Addr is where the service listens, ":8080" when empty. Port 0 takes a
	// free one; [Service.URL] tells it.
	Addr string
	// Listener is what the service listens on in place of Addr: a socket that was
	// handed over, say. The service closes it. TLS is spoken on it where TLS is
	// set, and there is no other listener unless Admin asks for one.
	Listener net.Listener
	// Advertise is the host:port that others reach the service at. When empty
	// it is Addr, with an address of this machine where Addr has no host. With
	// a registry outside this process an address that only this machine
	// reaches is refused at start.
	Advertise string
	// Admin is the address of a second server, for /metrics, /readyz and /healthz:
	// ":9090", say, for a Prometheus on another machine. /healthz is on Addr as well.
	// When empty, it is a free port that this machine alone reaches, which
	// [Service.AdminURL] and the log tell, and none with Listener; then /readyz is on
	// Addr too, and so is /metrics, for callers that Trust trusts (403 for others).
	Admin string
	// Registry is where the service registers and finds others. Without one it
	// finds only itself and the services in Static.
	Registry registry.Registry
	// Static are the base URLs of services that no registry knows, by name.
	Static map[string][]string
	// Bus carries the service's events. It outlives the service: its owner
	// closes it.
	Bus eventbus.Bus
	// TLS serves HTTPS and calls other services with it. Nil is plain HTTP. Where it
	// has callers verified it needs ClientCAs: the authorities of the system would
	// vouch for anybody.
	TLS *tls.Config
	// Transport is what calls of other services are sent through. When nil it is
	// one with every time limit set, which uses TLS. It has 1024 connections to one
	// instance at most, beyond which calls wait for one, and keeps 256 of them for
	// 90 s when they are idle.
	Transport http.RoundTripper
	// Logger is slog.Default() when nil.
	Logger *slog.Logger
	// Tracer makes the spans. When nil, traces have ids and travel, and nothing
	// is reported. Its owner closes it.
	Tracer tracing.Tracer
	// AccessLog logs every request that routes and middleware answer as a line of
	// level Info. Failures of the service are logged without it, as warnings.
	AccessLog bool
	// Metrics is where the service's metrics are registered, such as
	// prometheus.DefaultRegisterer; a registry of its own when nil.
	Metrics prometheus.Registerer
	// Gatherer is what /metrics shows. When nil it is Metrics, which must be a
	// prometheus.Gatherer then, as a prometheus.Registry is.
	Gatherer prometheus.Gatherer
	// Settings are those that the service runs with, such as a *config.Value: the
	// series sinew_settings_refused is 1 while Err says that something of them is
	// refused. Nil has no such series.
	Settings interface{ Err() error }
	// AdminPages are further pages beside /metrics, by pattern of
	// [http.ServeMux]. With net/http/pprof imported, "/debug/pprof/" of
	// http.DefaultServeMux is the profiles. They are at Admin alone, never on Addr.
	AdminPages map[string]http.Handler
	// Idempotency remembers the answers of Keyed routes. When nil it is memory,
	// which serves a single instance and forgets when that ends.
	Idempotency endpoint.IdempotencyStore
	// Subject says who sent a request, as it has verified: the subject of its
	// token, say, however often that is renewed. It is Call.Subject, and what keeps
	// the idempotency keys of callers apart. "" is one whom it does not know. When
	// nil, or for those, it is the name on a verified certificate; without one, all
	// share their keys, and a key that comes with other credentials than before is
	// refused: see package rest. It may read what a middleware of [Service.Use] has
	// put into the request's context.
	Subject func(*http.Request) string
	// Trust says which callers are ours: see rest.ReadMetadata for what is believed of
	// them alone. When nil it is rest.Verified, those with a verified certificate.
	// Where services call each other without TLS, name their networks by
	// rest.Networks, or, if all are on one machine and no proxy stands before
	// them, say rest.SameMachine.
	Trust func(*http.Request) bool
	// Metadata and Tags go into the registry.
	Metadata map[string]string
	Tags     []string
	// Clients are the policies of calls to other services, by name; a service
	// that is not there has the zero ClientPolicy.
	Clients map[string]ClientPolicy
	// Limit bounds how many requests the service's own handlers are at work on, all
	// routes together; what is above it is refused with 503, before its handler. A
	// request counts from when it is there until its answer begins, but not while its
	// body is awaited. The zero policy bounds nothing until too much is asked of the
	// handlers, and then adapts to what they can answer in time. Limit.Except names
	// routes that are outside of it by their pattern, such as "GET /events".
	Limit limit.Adaptive
	// ReadTimeout is how long a caller may take to send a request: its header, for
	// which it has 10 s, and its body. Zero is 1 min, negative is no limit for the
	// body. A route has its own by rest.Route.ReadTimeout, any handler by
	// [http.ResponseController.SetReadDeadline].
	ReadTimeout time.Duration
	// WriteTimeout is how long a request may take from the end of its header to the
	// last byte of its answer; after it the connection breaks. Zero is 2 min, negative
	// is no limit. A route has its own by rest.Route.WriteTimeout, any handler, one
	// that streams for example, by [http.ResponseController.SetWriteDeadline]. A
	// connection that a handler hijacks has none of these limits.
	WriteTimeout time.Duration
	// IdleTimeout is how long a connection is kept on which no request is under way.
	// Zero is 2 min, negative keeps it until its caller closes it.
	IdleTimeout time.Duration
	// MaxConnections bounds how many connections each of Addr and Admin has open at
	// once. One more waits until another ends; those on which no request is under way
	// are closed for it, the longest idle first. Zero is three quarters of the files
	// that the process may have open, where the system tells, so that calls of other
	// services still find one; negative is no bound.
	MaxConnections int
	// DrainDelay is how long a stopping service still answers after it has
	// deregistered, so that callers hear of it: from the registry, or from its
	// answers where they know it by a fixed address. Zero is 1 s, and 100 ms
	// with a registry.Memory. Without a registry, at port 0, only those know the
	// address whom this program has told it: there the delay ends when none of them
	// has called for 100 ms, and at once where none ever has. A negative one is no
	// delay. Shutdown's context cuts it short.
	DrainDelay time.Duration
}

// What a server bounds when nothing else is said.
const (
	defaultAddr       = ":8080"
	defaultDrainDelay = time.Second
	shutdownTimeout   = 30 * time.Second
	readHeaderTimeout = 10 * time.Second
	defaultReadTime   = time.Minute
	defaultWriteTime  = 2 * time.Minute
	defaultIdleTime   = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
)

// withDefaults is a Config of the service's own.
func (c Config) withDefaults() Config {
	c.Clients, c.Static = maps.Clone(c.Clients), maps.Clone(c.Static)
	c.Metadata, c.Tags = maps.Clone(c.Metadata), slices.Clone(c.Tags)
	c.AdminPages = maps.Clone(c.AdminPages)
	if c.Addr == "" && c.Listener == nil {
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
	if c.Gatherer == nil {
		c.Gatherer, _ = c.Metrics.(prometheus.Gatherer)
	}
	if c.Idempotency == nil {
		c.Idempotency = endpoint.NewMemoryStore()
	}
	if c.Trust == nil {
		c.Trust = rest.Verified
	}
	c.ReadTimeout = cmp.Or(c.ReadTimeout, defaultReadTime)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, defaultWriteTime)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, defaultIdleTime)
	c.MaxConnections = cmp.Or(c.MaxConnections, descriptors()*3/4)
	if c.DrainDelay == 0 {
		c.DrainDelay = defaultDrainDelay
		if _, inProcess := c.Registry.(*registry.Memory); inProcess {
			c.DrainDelay = defaultDrainDelay / 10
		}
	}
	return c
}

// untold says that nobody knows the service's address but by this process.
func (c Config) untold() bool {
	_, port, _ := net.SplitHostPort(c.Addr)
	return c.Registry == nil && c.Advertise == "" && port == "0"
}
