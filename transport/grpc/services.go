package grpc

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"connectrpc.com/grpcreflect"
	health "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/ellipsis"
	"github.com/sinew-go/sinew/internal/wire"
)

// healthName is the service that says how the others are.
const healthName = "grpc.health.v1.Health"

var (
	checkHealth = Method[*health.HealthCheckRequest, *health.HealthCheckResponse]{Name: "/" + healthName + "/Check"}
	watchHealth = ServerStream[*health.HealthCheckRequest, *health.HealthCheckResponse]{Name: "/" + healthName + "/Watch"}
)

// healthInterval is the time between two looks at the readiness for those who watch it.
const healthInterval = time.Second

// services are the names of the services on a mux, which health and reflection report.
type services struct {
	ready    func(context.Context) error // nil: always ready
	stopping <-chan struct{}

	mu    sync.Mutex
	names []string
}

// describeOn adds the service to those that health and reflection report on mux. It serves
// both there, if nobody does yet.
func describeOn(mux Mux, service string) {
	if service == healthName {
		return
	}
	h, ok := handlerOn(mux)
	switch {
	case ok && h != nil:
		h.services.add(service)
		return
	case !ok:
		return
	}
	s := &services{stopping: wire.StoppingOf(mux)}
	if m, ok := mux.(interface{ Ready(context.Context) error }); ok {
		s.ready = m.Ready
	}
	s.add(service)
	checkHealth.Handle(probed{mux, s}, s.check)
	watchHealth.Handle(probed{mux, s}, s.watch)
	s.add(healthName)
	reflector := grpcreflect.NewReflector(grpcreflect.NamerFunc(s.all))
	mux.Handle(grpcreflect.NewHandlerV1(reflector))
	mux.Handle(grpcreflect.NewHandlerV1Alpha(reflector))
}

// probed is the mux of the handlers of health.
type probed struct {
	Mux
	services *services
}

// Handle implements Mux.
func (p probed) Handle(pattern string, h http.Handler) {
	if own, ok := h.(*handler); ok {
		own.services = p.services
	}
	p.Mux.Handle(pattern, h)
}

// Logger is that of the mux.
func (p probed) Logger() *slog.Logger { return wire.LoggerOf(p.Mux)() }

// Stopping is that of the mux.
func (p probed) Stopping() <-chan struct{} { return p.services.stopping }

// handlerOn returns the handler of health on mux, nil if there is none. ok is false if mux
// cannot say, or has one that is not of this package.
func handlerOn(mux Mux) (found *handler, ok bool) {
	switch m := mux.(type) {
	case interface{ Handlers() []http.Handler }:
		for _, h := range m.Handlers() {
			if own, is := h.(*handler); is && own.services != nil {
				return own, true
			}
		}
		return nil, true
	case *http.ServeMux:
		h, pattern := m.Handler(&http.Request{Method: http.MethodPost, URL: &url.URL{Path: checkHealth.Name}})
		if pattern != checkHealth.Name {
			return nil, true
		}
		own, is := h.(*handler)
		return own, is && own.services != nil
	}
	return nil, false
}

func (s *services) add(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.names, name) {
		s.names = append(s.names, name)
		slices.Sort(s.names)
	}
}

func (s *services) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.names)
}

// status returns the health of a service. The empty name is the whole server.
func (s *services) status(ctx context.Context, name string) health.HealthCheckResponse_ServingStatus {
	switch {
	case name != "" && !slices.Contains(s.all(), name):
		return health.HealthCheckResponse_SERVICE_UNKNOWN
	case s.ready != nil && s.ready(ctx) != nil:
		return health.HealthCheckResponse_NOT_SERVING
	}
	return health.HealthCheckResponse_SERVING
}

func (s *services) check(ctx context.Context, r *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
	status := s.status(ctx, r.GetService())
	if status == health.HealthCheckResponse_SERVICE_UNKNOWN {
		return nil, fault.NotFound.Errorf("nothing is served as %q", ellipsis.Cut(r.GetService(), 128))
	}
	return &health.HealthCheckResponse{Status: status}, nil
}

// watch yields the health of a service at first, and whenever it changes.
func (s *services) watch(ctx context.Context, r *health.HealthCheckRequest) iter.Seq2[*health.HealthCheckResponse, error] {
	return func(yield func(*health.HealthCheckResponse, error) bool) {
		ticker := time.NewTicker(healthInterval)
		defer ticker.Stop()
		last := health.HealthCheckResponse_UNKNOWN
		for {
			if status := s.status(ctx, r.GetService()); status != last {
				last = status
				if !yield(&health.HealthCheckResponse{Status: status}, nil) {
					return
				}
			}
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}
}
