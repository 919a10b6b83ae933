package service

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"github.com/sinew-go/sinew/fault"
)

// maxServers is how many servers may fail before anybody reads Failed.
const maxServers = 2

// Servers are the HTTP servers of a service, one per listener.
type Servers struct {
	state    *RunState
	log      *slog.Logger
	tasks    TaskGroup
	hijacked hijackedConns
	failed   chan error

	mu  sync.Mutex
	all []*server
}

// server is an [http.Server] and, if its connections are bounded, their listener.
type server struct {
	*http.Server
	bounded *boundedListener
}

// NewServers returns the servers of a service that has none.
func NewServers(state *RunState, log *slog.Logger) *Servers {
	return &Servers{state: state, log: log, failed: make(chan error, maxServers)}
}

// Serve starts to serve l, with at most maxOpen connections at once; 0 or less is no bound.
// It serves TLS if h has a TLSConfig. If the service is stopping it refuses, and l stays
// open.
func (s *Servers) Serve(l net.Listener, h *http.Server, maxOpen int) error {
	started := &server{Server: h}
	if maxOpen > 0 {
		bounded := boundListener(l, maxOpen, s.log)
		l, h.ConnState, started.bounded = bounded, bounded.trackState, bounded
	}
	serve := h.Serve
	if h.TLSConfig != nil {
		serve = func(l net.Listener) error { return h.ServeTLS(l, "", "") }
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.state.Err(); err != nil {
		return err
	}
	s.all = append(s.all, started)
	s.tasks.Start("listening at "+l.Addr().String(), func() {
		if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("stopped serving", "service", s.state.service, "address", l.Addr().String(), "error", err)
			s.failed <- fault.Unavailable.Errorf("service %s stopped serving %s: %w", s.state.service, l.Addr(), err)
		}
	})
	return nil
}

// Failed receives the error of a server that has stopped by itself.
func (s *Servers) Failed() <-chan error { return s.failed }

// Hijack runs hijack, by which a handler takes over its connection. Stop waits for the
// handler until done is called, which is nil after an error.
func (s *Servers) Hijack(route string, hijack func() (net.Conn, error)) (done func(), err error) {
	return s.hijacked.hijack(route, hijack)
}

// Stop stops each server when its requests are answered, and waits for the handlers of
// hijacked connections. When ctx ends, it cuts them off, and its error says so. It reports
// whether there was a server.
func (s *Servers) Stop(ctx context.Context) (served bool, err error) {
	all := s.snapshot()
	var faults []error
	for _, server := range all {
		faults = append(faults, server.stop(ctx))
	}
	return len(all) > 0, errors.Join(append(faults, s.tasks.Wait(ctx), s.hijacked.drain(ctx))...)
}

// Any reports whether there is a server.
func (s *Servers) Any() bool { return len(s.snapshot()) > 0 }

func (s *Servers) snapshot() []*server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all
}

func (s *server) stop(ctx context.Context) error {
	if c := s.bounded; c != nil {
		closing, end := context.WithCancel(ctx)
		var silent sync.WaitGroup
		silent.Go(func() { c.closeSilent(closing) })
		defer silent.Wait()
		defer end()
	}
	err := s.Shutdown(ctx)
	if err == nil || ctx.Err() == nil {
		return err
	}
	return errors.Join(fault.CodeOf(ctx.Err()).Errorf("requests were cut off: %w", ctx.Err()), s.Close())
}
