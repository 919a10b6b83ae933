package sinew

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"syscall"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
)

// server is an [http.Server] and, if its connections are bounded, their listener.
type server struct {
	*http.Server
	bounded *boundedListener
}

// listener is a net.Listener and the handler that it serves.
type listener struct {
	net.Listener
	handler http.Handler
}

// listen opens the listeners and serves them. It returns the instance to register.
func (s *Service) listen() (registry.Instance, error) {
	listeners, url, admin, err := s.openListeners()
	if err != nil {
		return registry.Instance{}, err
	}
	s.mu.Lock()
	s.state.url, s.state.adminURL = url, admin
	s.mu.Unlock()
	for i, d := range listeners {
		if err := s.serve(d); err != nil {
			return registry.Instance{}, errors.Join(err, closeListeners(listeners[i:]))
		}
	}
	return registry.Instance{
		ID: s.id, Name: s.name, Version: s.config.Version, Endpoint: url, HealthCheck: url + "/healthz",
		Metadata: s.config.Metadata, Tags: s.config.Tags, Status: registry.Healthy,
	}, nil
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
	return &http.Server{
		Handler:           h,
		TLSConfig:         s.config.TLS.Clone(), // ServeTLS modifies it
		ReadHeaderTimeout: header,
		ReadTimeout:       read,
		WriteTimeout:      max(s.config.WriteTimeout, 0),
		IdleTimeout:       s.config.IdleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.config.Logger.Handler(), slog.LevelWarn),
	}
}

func (s *Service) serve(d listener) error {
	server := &server{Server: s.newHTTPServer(d.handler)}
	if maxOpen := s.config.MaxConnections; maxOpen > 0 {
		l := boundListener(d.Listener, maxOpen, s.config.Logger)
		d.Listener, server.ConnState, server.bounded = l, l.trackState, l
	}
	serve := server.Serve
	if s.config.TLS != nil {
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	return s.ifRunning(func() {
		s.state.servers = append(s.state.servers, server)
		s.state.serveTasks.start("listening at "+d.Addr().String(), func() {
			if err := serve(d.Listener); !errors.Is(err, http.ErrServerClosed) {
				s.config.Logger.Error("stopped serving", "service", s.name, "address", d.Addr().String(), "error", err)
				s.state.serveErrors <- fault.Unavailable.Errorf("service %s stopped serving %s: %w", s.name, d.Addr(), err)
			}
		})
	})
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
