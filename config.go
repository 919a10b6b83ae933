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

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/idempotency"
	"github.com/sinew-go/sinew/internal/service"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

// Config configures a [Service]. The zero Config serves on :8080 with every time limit
// set, and finds no service but itself.
type Config struct {
	// Version is the service's own version, shown in the registry and in /openapi.json.
	Version string
	// Addr is the address to listen on, ":8080" when empty. Port 0 chooses a free port;
	// [Service.URL] returns it.
	Addr string
	// Listener replaces Addr, for example with a socket that was handed over. The service
	// closes it. With TLS set it serves TLS. There is no second listener unless Admin is
	// set.
	Listener net.Listener
	// Advertise is the host:port at which others reach the service. When empty, it is
	// Addr, with an address of this machine if Addr has no host. With a registry outside
	// this process, Start refuses an address that only this machine can reach.
	Advertise string
	// Admin is the address of a second server for /metrics, /readyz and /healthz, such as
	// ":9090" for a Prometheus on another machine. /healthz is on Addr as well. When
	// empty, it is a free port that only this machine can reach; [Service.AdminURL]
	// returns it and the log shows it. With Listener set there is none by default. Without
	// Admin, /readyz is on Addr too, and so is /metrics, for callers that Trust accepts
	// (403 for others).
	Admin string
	// Registry is where the service registers and finds others. Without one it finds only
	// itself and the services in Static.
	Registry registry.Registry
	// Static maps the names of services that are in no registry to their base URLs.
	Static map[string][]string
	// Bus carries the service's events. The service does not close it: its owner does.
	Bus eventbus.Bus
	// TLS is used to serve HTTPS and to call other services. Nil means plain HTTP. If it
	// verifies callers, ClientCAs must be set: the system's authorities would vouch for
	// anybody.
	TLS *tls.Config
	// Transport sends the calls to other services. The default has every time limit set,
	// uses TLS, opens at most 1024 connections to one instance (further calls wait for
	// one), and keeps up to 256 idle connections to an instance for 90 s.
	Transport http.RoundTripper
	// Logger is slog.Default() when nil.
	Logger *slog.Logger
	// Tracer makes the spans. When nil, traces have ids and travel with the calls, but
	// nothing is reported. The service does not close it: its owner does.
	Tracer tracing.Tracer
	// AccessLog logs every request to routes and middleware, one line of level Info each.
	// Failures of the service are logged in any case, as warnings.
	AccessLog bool
	// Metrics is where the service registers its metrics, such as
	// prometheus.DefaultRegisterer. When nil, it is a new registry.
	Metrics prometheus.Registerer
	// Gatherer is what /metrics shows. When nil, it is Metrics, which must then be a
	// prometheus.Gatherer, as a prometheus.Registry is.
	Gatherer prometheus.Gatherer
	// Settings are the settings that the service runs with, such as a *config.Value. The
	// gauge sinew_settings_refused is 1 while Err returns an error, which says that a part
	// of them is refused. Without Settings the gauge does not exist.
	Settings interface{ Err() error }
	// AdminPages are further pages next to /metrics, by pattern of [http.ServeMux]. For
	// example, with net/http/pprof imported, map "/debug/pprof/" to http.DefaultServeMux
	// to serve profiles. They are served at Admin only, never on Addr.
	AdminPages map[string]http.Handler
	// Idempotency stores the answers of Keyed routes. When nil, they are in memory, which
	// is right for a single instance only and is lost when the process ends.
	Idempotency idempotency.Store
	// Subject returns who sent a request, as the service has verified it, for example the
	// subject of a token; it must not change when the token is renewed. It becomes
	// call.Record.Subject, and separates the idempotency keys of different callers. Return "" for
	// an unknown caller. For those, and when Subject is nil, it is the name on a verified
	// certificate. Callers without one share their keys, and a key that arrives with other
	// credentials than before is refused: see package rest. Subject may read what a
	// middleware of [Service.Use] has put into the request's context.
	Subject func(*http.Request) string
	// Security says by which schemes the callers of the service's routes prove who they
	// are. It protects the routes of package rest, except those that are Public, and the
	// OpenAPI document has it. Nil protects none. The pages of the service and handlers that
	// are no such routes have what [Service.Use] puts around them.
	Security *rest.Security
	// Trust reports whether a caller is one of ours; rest.ReadMetadata says what is
	// believed only of those. When nil, it is rest.Verified: callers with a verified
	// certificate. If services call each other without TLS, name their networks with
	// rest.Networks, or use rest.SameMachine if all are on one machine and no proxy stands
	// in front of them.
	Trust func(*http.Request) bool
	// Codecs are the forms of bodies that the routes of the service speak besides JSON, and
	// its callers of other services. For callers the order counts: they send the first form.
	// See [rest.Codecs].
	Codecs rest.Codecs
	// Metadata and Tags are written to the registry.
	Metadata map[string]string
	Tags     []string
	// Clients are the policies of calls to other services, by service name. A service that
	// is not in the map has the zero ClientPolicy.
	Clients map[string]ClientPolicy
	// Limit bounds how many requests the service's handlers work on at once, over all
	// routes. Requests above it are refused with 503 before their handler runs. A request
	// counts from its arrival until its answer starts, but not while its body is awaited.
	// The zero policy sets no limit until the handlers are overloaded, and then adapts to
	// what they can answer in time. Limit.Except exempts routes by their pattern, such as
	// "GET /events".
	Limit limit.Adaptive
	// ReadTimeout bounds how long a caller may take to send a request: 10 s for the
	// header, and this for header and body together. Zero is 1 min; negative sets no limit
	// for the body. rest.Route.ReadTimeout overrides it for a route, and
	// [http.ResponseController.SetReadDeadline] in any handler.
	ReadTimeout time.Duration
	// WriteTimeout bounds the time from the end of a request's header to the last byte of
	// its answer; after it the connection breaks. Zero is 2 min; negative is no limit.
	// rest.Route.WriteTimeout overrides it for a route, and
	// [http.ResponseController.SetWriteDeadline] in any handler, for example one that
	// streams. A connection that a handler hijacks has none of these limits.
	WriteTimeout time.Duration
	// IdleTimeout is how long a connection without a request in flight stays open. Zero is
	// 2 min; negative leaves it open until its caller closes it.
	IdleTimeout time.Duration
	// MaxConnections bounds the open connections of Addr, and separately those of Admin.
	// At the bound, a new connection waits until another closes; those without a request
	// in flight are closed to make room, the longest idle first. Zero is three quarters of
	// the files that the process may have open, if the system reports that number, so that
	// calls to other services still get one; negative is no bound.
	MaxConnections int
	// DrainDelay is how long a stopping service still answers after it has deregistered,
	// so that callers notice: from the registry, or, if they use a fixed address, from its
	// answers. Zero is 1 s, and 100 ms with a registry.Memory. Without a registry and at
	// port 0, only callers in this program can know the address: the default delay then
	// ends when none of them has called for 100 ms, and at once if none ever has. Negative
	// is no delay. Shutdown's context cuts it short.
	DrainDelay time.Duration
}

// Defaults and fixed limits of the server.
const (
	defaultAddr         = ":8080"
	defaultDrainDelay   = time.Second
	shutdownTimeout     = 30 * time.Second
	readHeaderTimeout   = 10 * time.Second
	defaultReadTimeout  = time.Minute
	defaultWriteTimeout = 2 * time.Minute
	defaultIdleTimeout  = 2 * time.Minute
	maxHeaderBytes      = 64 << 10
)

// withDefaults returns a copy of c with its defaults filled in, which shares no map or
// slice with c.
func (c Config) withDefaults() Config {
	c.Clients, c.Static = maps.Clone(c.Clients), maps.Clone(c.Static)
	c.Metadata, c.Tags = maps.Clone(c.Metadata), slices.Clone(c.Tags)
	c.AdminPages, c.Codecs = maps.Clone(c.AdminPages), slices.Clone(c.Codecs)
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
		c.Idempotency = idempotency.NewMemory()
	}
	if c.Trust == nil {
		c.Trust = rest.Verified
	}
	c.ReadTimeout = cmp.Or(c.ReadTimeout, defaultReadTimeout)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, defaultWriteTimeout)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, defaultIdleTimeout)
	c.MaxConnections = cmp.Or(c.MaxConnections, service.MaxOpenFiles()*3/4)
	if c.DrainDelay == 0 {
		c.DrainDelay = defaultDrainDelay
		if _, inProcess := c.Registry.(*registry.Memory); inProcess {
			c.DrainDelay = defaultDrainDelay / 10
		}
	}
	return c
}

// isUnadvertised reports whether the service's address can be known only to this process.
func (c Config) isUnadvertised() bool {
	_, port, _ := net.SplitHostPort(c.Addr)
	return c.Registry == nil && c.Advertise == "" && port == "0"
}
