package sinew

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"iter"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/wire"
	"github.com/sinew-go/sinew/registry"
)

// Client returns the client of the service with this name. There is one per name.
func (s *Service) Client(name string) *Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.clients[name]; ok {
		return c
	}
	c := newClient(s, name, s.config.Clients[name])
	s.clients[name] = c
	if s.watchesClosed { // nobody would end them
		return c
	}
	s.closers = append(s.closers, c.logBreakerChanges(), s.resolver.Subscribe(name, c.setInstances))
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

// newHTTP2Client returns the client of calls that need HTTP/2, without TLS too. A
// transport of the user's own sees to that itself.
func newHTTP2Client(c Config, first *http.Client) *http.Client {
	transport, ok := first.Transport.(*http.Transport)
	if !ok || c.Transport != nil {
		return first
	}
	return &http.Client{Transport: wire.SpeakHTTP2(transport.Clone())}
}

// newHTTPClient returns the client of all calls to other services.
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
		HTTP2:                  wire.Pings(),
	}
	if c.TLS != nil {
		transport.TLSClientConfig = c.TLS.Clone()
	}
	return &http.Client{Transport: transport}
}

// withStatic returns a discoverer that answers for the fixed addresses itself, and asks r
// about all other services.
func withStatic(r registry.Discoverer, addresses map[string][]string) registry.Discoverer {
	if len(addresses) == 0 {
		return r
	}
	return static{Discoverer: r, fixed: registry.NewStatic(addresses), addresses: addresses}
}

type static struct {
	registry.Discoverer
	fixed     registry.Discoverer
	addresses map[string][]string
}

// Watch implements registry.Discoverer.
func (s static) Watch(ctx context.Context, name string) iter.Seq2[[]registry.Instance, error] {
	if _, ok := s.addresses[name]; ok {
		return s.fixed.Watch(ctx, name)
	}
	return s.Discoverer.Watch(ctx, name)
}

// reachTimeout bounds how long an address may take to accept a connection.
const reachTimeout = time.Second

// checkReachable returns nil if one of the base URLs accepts a connection.
func (s *Service) checkReachable(ctx context.Context, name string, urls []string) error {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	var all sync.WaitGroup
	faults := make([]error, len(urls))
	for i, url := range urls {
		all.Go(func() {
			if faults[i] = s.probe(ctx, url); faults[i] == nil {
				cancel() // one is enough
			}
		})
	}
	all.Wait()
	for _, err := range faults {
		if err == nil {
			return nil
		}
	}
	return fault.Unavailable.Errorf("nobody listens at an address of service %s in Config.Static: %w", name, errors.Join(faults...))
}

// probe returns nil if a connection to the base URL is accepted. With a Transport of the
// user's own, only that knows where the URL leads: any answer through it is enough.
func (s *Service) probe(ctx context.Context, at string) error {
	if s.config.Transport != nil {
		r, err := http.NewRequestWithContext(ctx, http.MethodHead, at, nil)
		if err != nil {
			return err
		}
		answer, err := s.config.Transport.RoundTrip(r)
		if err != nil {
			return err
		}
		return answer.Body.Close()
	}
	u, err := url.Parse(at)
	if err != nil {
		return err
	}
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	dial := new(net.Dialer).DialContext
	if u.Scheme == "https" { // a connection without a handshake would be logged as a warning there
		dial = (&tls.Dialer{Config: s.config.TLS}).DialContext
	}
	c, err := dial(ctx, "tcp", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port)))
	if err != nil {
		return err
	}
	return c.Close()
}
