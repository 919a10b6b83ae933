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

// server is an [http.Server] and its connections, where these are bounded.
type server struct {
	*http.Server
	connections *connections
}

// door is where some of the service's pages are served.
type door struct {
	net.Listener
	handler http.Handler
}

// listen begins to serve, and is the instance that others may find.
func (s *Service) listen() (registry.Instance, error) {
	doors, url, admin, err := s.open()
	if err != nil {
		return registry.Instance{}, err
	}
	s.mu.Lock()
	s.life.url, s.life.admin = url, admin
	s.mu.Unlock()
	for i, d := range doors {
		if err := s.serve(d); err != nil {
			return registry.Instance{}, errors.Join(err, shut(doors[i:]))
		}
	}
	return registry.Instance{
		ID: s.id, Name: s.name, Version: s.config.Version, Endpoint: url, HealthCheck: url + "/healthz",
		Metadata: s.config.Metadata, Tags: s.config.Tags, Status: registry.Healthy,
	}, nil
}

// open takes the addresses, all or none. url is where others reach the first,
// admin where the admin pages are, "" for nowhere.
func (s *Service) open() (doors []door, url, admin string, err error) {
	if err := s.config.startable(); err != nil {
		return nil, "", "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, shut(doors))
		}
	}()
	l := s.config.Listener
	if l == nil {
		if l, err = listenAt("Config.Addr", s.config.Addr); err != nil {
			return nil, "", "", err
		}
	}
	doors = append(doors, door{l, s.Handler()})
	address, err := s.config.advertised(l.Addr())
	if err != nil {
		return doors, "", "", err
	}
	a, err := s.openAdmin()
	if err != nil {
		return doors, "", "", err
	}
	scheme := "http://"
	if s.config.TLS != nil {
		scheme = "https://"
	}
	if a != nil {
		doors = append(doors, door{a, s.closing(s.accounted(s.admin, routed(s.admin)))})
		admin = scheme + here(a.Addr())
	}
	return doors, scheme + address, admin, nil
}

// openAdmin takes the address of the admin pages, nil for none. Nobody has asked for
// the one that it has when nothing is said, so that a machine which has none is no
// reason not to start; and who brings a listener of his own wants no other.
func (s *Service) openAdmin() (net.Listener, error) {
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

// here is bound as this machine reaches it.
func here(bound net.Addr) string {
	at, ok := bound.(*net.TCPAddr)
	if !ok || !at.IP.IsUnspecified() {
		return bound.String()
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(at.Port))
}

func shut(doors []door) error {
	var faults []error
	for _, d := range doors {
		faults = append(faults, d.Close())
	}
	return errors.Join(faults...)
}

// server is an HTTP server with every limit set. To net/http a time limit of 0 is
// none, but for those of the header and of idleness, which would be the whole
// request's then.
func (s *Service) server(h http.Handler) *http.Server {
	read := max(s.config.ReadTimeout, 0)
	header := readHeaderTimeout
	if read > 0 {
		header = min(header, read)
	}
	return &http.Server{
		Handler:           h,
		TLSConfig:         s.config.TLS.Clone(), // the server changes its own
		ReadHeaderTimeout: header,
		ReadTimeout:       read,
		WriteTimeout:      max(s.config.WriteTimeout, 0),
		IdleTimeout:       s.config.IdleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.config.Logger.Handler(), slog.LevelWarn),
	}
}

func (s *Service) serve(d door) error {
	server := &server{Server: s.server(d.handler)}
	if most := s.config.MaxConnections; most > 0 {
		l := bounded(d.Listener, most, s.config.Logger)
		d.Listener, server.ConnState, server.connections = l, l.note, l
	}
	serve := server.Serve
	if s.config.TLS != nil {
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	return s.take(func() {
		s.life.servers = append(s.life.servers, server)
		s.life.serving.begin("listening at "+d.Addr().String(), func() {
			if err := serve(d.Listener); !errors.Is(err, http.ErrServerClosed) {
				s.config.Logger.Error("stopped serving", "service", s.name, "address", d.Addr().String(), "error", err)
				s.life.failed <- fault.Unavailable.Errorf("service %s stopped serving %s: %w", s.name, d.Addr(), err)
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
