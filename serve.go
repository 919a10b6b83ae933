package sinew

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"syscall"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
)

// door is where some of the service's pages are served.
type door struct {
	net.Listener
	handler http.Handler
}

// listen begins to serve, and is the instance that others may find.
func (s *Service) listen() (registry.Instance, error) {
	doors, url, err := s.open()
	if err != nil {
		return registry.Instance{}, err
	}
	s.mu.Lock()
	s.life.url = url
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

// open takes the addresses, all or none, and is the URL at which others reach
// the first.
func (s *Service) open() (doors []door, url string, err error) {
	if err := s.config.startable(); err != nil {
		return nil, "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, shut(doors))
		}
	}()
	l, err := listenAt("Config.Addr", s.config.Addr)
	if err != nil {
		return nil, "", err
	}
	doors = append(doors, door{l, s.Handler()})
	if s.admin != s.mux {
		l, err := listenAt("Config.Admin", s.config.Admin)
		if err != nil {
			return doors, "", err
		}
		doors = append(doors, door{l, s.closing(s.accepted(s.admin))})
	}
	address, err := s.config.advertised(l.Addr())
	if s.config.TLS != nil {
		return doors, "https://" + address, err
	}
	return doors, "http://" + address, err
}

func shut(doors []door) error {
	var faults []error
	for _, d := range doors {
		faults = append(faults, d.Close())
	}
	return errors.Join(faults...)
}

// server is an HTTP server with every limit set.
func (s *Service) server(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		TLSConfig:         s.config.TLS.Clone(), // the server changes its own
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.config.Logger.Handler(), slog.LevelWarn),
	}
}

func (s *Service) serve(d door) error {
	server := s.server(d.handler)
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
