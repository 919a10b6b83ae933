package consul

import (
	"cmp"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/origin"
	"github.com/sinew-go/sinew/internal/redact"
)

// Config configures the agent and the lifetime of registrations. For an empty field
// Consul's own environment variables apply (CONSUL_HTTP_ADDR, CONSUL_HTTP_TOKEN,
// CONSUL_NAMESPACE and those for TLS). Without those, the agent is at 127.0.0.1:8500.
type Config struct {
	// Address is the agent's HTTP API: host:port, or a URL with http, https or unix.
	Address string
	// Token is the ACL token. It needs read access to services and nodes, and
	// write access to the services that are registered.
	Token string
	// Datacenter is where Watch and Services search for instances. The default is the
	// agent's own. Instances are always registered with the agent.
	Datacenter string
	// Namespace is that of Consul Enterprise. The default is Consul's own default.
	Namespace string
	// TLS is used for an https Address.
	TLS *tls.Config
	// TTL is how long an instance stays healthy after its last renewal, at least 100 ms.
	// The default is 15 s.
	TTL time.Duration
	// DeregisterAfter is how long an instance that is not renewed stays in Consul after
	// its TTL. The default is one minute, which is Consul's minimum.
	DeregisterAfter time.Duration
	// Logger gets a message when renewal fails and when it works again. The default is
	// slog.Default().
	Logger *slog.Logger
}

// The defaults, and the limits of Consul.
const (
	defaultTTL             = 15 * time.Second
	defaultDeregisterAfter = time.Minute
	minTTL                 = 100 * time.Millisecond
	maxRedirects           = 10
)

// Validate returns all errors of the Config joined, each as fault.InvalidArgument.
func (c Config) Validate() error {
	var faults []error
	if c.TTL != 0 && c.TTL < minTTL {
		faults = append(faults, fault.InvalidArgument.Errorf("consul.Config.TTL: %s is less than %s", c.TTL, minTTL))
	}
	if c.DeregisterAfter < 0 {
		faults = append(faults, fault.InvalidArgument.Errorf("consul.Config.DeregisterAfter: %s is negative", c.DeregisterAfter))
	}
	if address := cmp.Or(c.Address, os.Getenv(api.HTTPAddrEnvName)); strings.Contains(address, "@") && !strings.HasPrefix(address, "unix://") {
		faults = append(faults, fault.InvalidArgument.Errorf("consul.Config.Address: %s has a user, which Consul's client takes for a part of the host; set Token, or %s", redact.URL(address), api.HTTPAuthEnvName))
	}
	return errors.Join(faults...)
}

func (c Config) withDefaults() Config {
	if c.TTL == 0 {
		c.TTL = defaultTTL
	}
	if c.DeregisterAfter == 0 {
		c.DeregisterAfter = defaultDeregisterAfter
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// client returns Consul's client. For a unix socket it uses Consul's own transport.
func (c Config) client(transport http.RoundTripper) (*api.Client, error) {
	settings := &api.Config{Address: c.Address, Token: c.Token, Datacenter: c.Datacenter, Namespace: c.Namespace}
	if httpTransport, ok := transport.(*http.Transport); ok {
		settings.Transport = httpTransport
	} else {
		settings.HttpClient = &http.Client{Transport: transport}
	}
	client, err := api.NewClient(settings)
	if err != nil {
		return nil, fault.InvalidArgument.Errorf("consul.Config: %w", err)
	}
	settings.HttpClient.CheckRedirect = sameAgentOnly // NewClient has created HttpClient if it was nil
	return client, nil
}

// sameAgentOnly keeps the token at the agent: net/http sends X-Consul-Token on to the
// target of any redirect.
func sameAgentOnly(r *http.Request, via []*http.Request) error {
	switch {
	case !origin.Same(r.URL, via[0].URL):
		return fault.Unavailable.Errorf("consul: the agent at %s redirects to %s, which the token is not for; set consul.Config.Address to where the agent is", redact.URL(via[0].URL.Host), redact.URL(r.URL.Host))
	case len(via) >= maxRedirects:
		return fault.Unavailable.Errorf("consul: the agent at %s redirects %d times", redact.URL(via[0].URL.Host), maxRedirects)
	}
	return nil
}

func newTransport(c Config) *http.Transport {
	dialer := net.Dialer{Timeout: 2 * time.Second, KeepAlive: 15 * time.Second}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ExpectContinueTimeout: time.Second,
		MaxIdleConnsPerHost:   4,
		IdleConnTimeout:       90 * time.Second,
	}
	if c.TLS != nil {
		transport.TLSClientConfig = c.TLS.Clone()
	}
	return transport
}
