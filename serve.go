package sinew

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"syscall"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/idempotency"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/transport/rest"
)

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

// Handlers returns the handlers that Handle was given, in order.
func (s *Service) Handlers() []http.Handler {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.handlers)
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

// SetLimit replaces Config.Limit while requests are answered. The limit's measurements
// stay. A policy that does not validate is refused.
func (s *Service) SetLimit(p limit.Adaptive) error {
	if err := s.limiter.Set(p); err != nil {
		return fault.InvalidArgument.Errorf("the limit of service %s: %w", s.name, err)
	}
	return nil
}

// Logger returns the service's logger.
func (s *Service) Logger() *slog.Logger { return s.config.Logger }

// IdempotencyStore returns the store in which Keyed routes of the service keep answers.
func (s *Service) IdempotencyStore() idempotency.Store { return s.config.Idempotency }

// Codecs returns the codecs of the service's routes, for [rest.Mux].
func (s *Service) Codecs() rest.Codecs { return s.config.Codecs }

// Subject returns who sent a request, by Config.Subject; "" if that is nil.
func (s *Service) Subject(r *http.Request) string {
	if s.config.Subject == nil {
		return ""
	}
	return s.config.Subject(r)
}

// Security returns Config.Security, which protects the routes of the service.
func (s *Service) Security() *rest.Security { return s.config.Security }

// URL returns the base URL at which others reach the service, "" before it listens.
func (s *Service) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.instance.Endpoint
}

// AdminURL returns the base URL at which this machine reaches /metrics and /readyz, ""
// before the service listens; see Config.Admin.
func (s *Service) AdminURL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.adminURL
}

// listener is a net.Listener and the handler that it serves.
type listener struct {
	net.Listener
	handler http.Handler
}

// listen opens the listeners and serves them.
func (s *Service) listen(context.Context) error {
	listeners, url, admin, err := s.openListeners()
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.adminURL = admin
	s.instance = registry.Instance{
		ID: s.id, Name: s.name, Version: s.config.Version, Endpoint: url, HealthCheck: url + "/healthz",
		Metadata: s.config.Metadata, Tags: s.config.Tags, Status: registry.Healthy,
	}
	s.mu.Unlock()
	for i, l := range listeners {
		if err := s.servers.Serve(l.Listener, s.newHTTPServer(l.handler), s.config.MaxConnections); err != nil {
			return errors.Join(err, closeListeners(listeners[i:]))
		}
	}
	return nil
}

// openListeners opens all listeners or none. url is where others reach the first one,
// admin where this machine reaches the admin pages, "" if they are not served.
func (s *Service) openListeners() (listeners []listener, url, admin string, err error) {
	if err := s.config.startable(); err != nil {
		return nil, "", "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, closeListeners(listeners))
		}
	}()
	l := s.config.Listener
	if l == nil {
		if l, err = listenAt("Config.Addr", s.config.Addr); err != nil {
			return nil, "", "", err
		}
	}
	listeners = append(listeners, listener{l, s.Handler()})
	address, err := s.config.advertisedAddress(l.Addr())
	if err != nil {
		return listeners, "", "", err
	}
	a, err := s.openAdminListener()
	if err != nil {
		return listeners, "", "", err
	}
	scheme := "http://"
	if s.config.TLS != nil {
		scheme = "https://"
	}
	if a != nil {
		listeners = append(listeners, listener{a, s.withConnectionClose(s.withCall(s.admin, routed(s.admin)))})
		admin = scheme + localAddress(a.Addr())
	}
	return listeners, scheme + address, admin, nil
}

// openAdminListener opens the listener of the admin pages; nil means none. Nobody asked
// for the default one, so a machine that cannot provide it can still start the service.
// With Config.Listener set there is no default one: the caller wants full control.
func (s *Service) openAdminListener() (net.Listener, error) {
	switch {
	case s.config.Admin != "":
		return listenAt("Config.Admin", s.config.Admin)
	case s.config.Listener != nil:
		return nil, nil
	}
	l, err := listenAt("Config.Admin", "127.0.0.1:0")
	if err != nil {
		s.config.Logger.Warn("the admin pages are not served", "service", s.name, "error", err)
		return nil, nil
	}
	return l, nil
}

// localAddress returns the address at which this machine reaches bound.
func localAddress(bound net.Addr) string {
	at, ok := bound.(*net.TCPAddr)
	if !ok || !at.IP.IsUnspecified() {
		return bound.String()
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(at.Port))
}

func closeListeners(listeners []listener) error {
	var faults []error
	for _, d := range listeners {
		faults = append(faults, d.Close())
	}
	return errors.Join(faults...)
}

// newHTTPServer returns a server with every limit set. In net/http a time limit of 0 means
// none, except for ReadHeaderTimeout and IdleTimeout, where it means ReadTimeout.
func (s *Service) newHTTPServer(h http.Handler) *http.Server {
	read := max(s.config.ReadTimeout, 0)
	header := readHeaderTimeout
	if read > 0 {
		header = min(header, read)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true) // which gRPC needs
	return &http.Server{
		Handler:           h,
		Protocols:         protocols,
		TLSConfig:         s.config.TLS.Clone(), // ServeTLS modifies it
		ReadHeaderTimeout: header,
		ReadTimeout:       read,
		WriteTimeout:      max(s.config.WriteTimeout, 0),
		IdleTimeout:       s.config.IdleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.config.Logger.Handler(), slog.LevelWarn),
	}
}

func listenAt(setting, addr string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fault.Unavailable.Errorf("%s: %s is taken by another program; choose another port: %w", setting, addr, err)
	case err != nil:
		return nil, fault.InvalidArgument.Errorf("%s: cannot listen on %q: %w", setting, addr, err)
	}
	return l, nil
}
