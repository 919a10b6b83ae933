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

// listen begins to serve, and is the instance that others may find.
func (s *Service) listen() (registry.Instance, error) {
	l, err := listenAt("Config.Addr", s.config.Addr)
	if err != nil {
		return registry.Instance{}, err
	}
	address, err := s.config.advertised(l.Addr())
	if err != nil {
		return registry.Instance{}, errors.Join(err, l.Close())
	}
	scheme := "http://"
	if s.config.TLS != nil {
		scheme = "https://"
	}
	url := scheme + address
	if err := s.serve(l, s.Handler()); err != nil {
		return registry.Instance{}, err
	}
	s.mu.Lock()
	s.life.url = url
	s.mu.Unlock()
	if s.admin != s.mux {
		admin, err := listenAt("Config.Admin", s.config.Admin)
		if err != nil {
			return registry.Instance{}, err
		}
		if err := s.serve(admin, s.accepted(s.admin)); err != nil {
			return registry.Instance{}, err
		}
	}
	return registry.Instance{
		ID: s.id, Name: s.name, Version: s.config.Version, Endpoint: url, HealthCheck: url + "/healthz",
		Metadata: s.config.Metadata, Tags: s.config.Tags, Status: registry.Healthy,
	}, nil
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

// serve begins to serve at l, which it closes when that cannot be.
func (s *Service) serve(l net.Listener, h http.Handler) error {
	server := s.server(h)
	serve := server.Serve
	if s.config.TLS != nil {
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	err := s.take(func() {
		s.life.servers = append(s.life.servers, server)
		s.life.serving.begin("listening at "+l.Addr().String(), func() {
			if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
				s.config.Logger.Error("stopped serving", "service", s.name, "address", l.Addr().String(), "error", err)
				s.life.failed <- fault.Unavailable.Errorf("service %s stopped serving %s: %w", s.name, l.Addr(), err)
			}
		})
	})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	return nil
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
