package sinew

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// checkTimeout is how long a condition of readiness may take to answer.
const checkTimeout = 2 * time.Second

// pages are those that every service has.
func (s *Service) pages() {
	s.mux.HandleFunc("GET /openapi.json", s.openAPI)
	s.admin.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, map[string]any{"status": "ok"}) })
	s.admin.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := s.unready(r.Context()); err != nil {
			rest.Fail(w, err)
			return
		}
		writeJSON(w, map[string]any{"status": "ready"})
	})
	series := promhttp.HandlerFor(s.config.Metrics, promhttp.HandlerOpts{EnableOpenMetrics: true})
	s.admin.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		if s.config.Admin == "" && !rest.SameMachine(r) {
			rest.Fail(w, fault.PermissionDenied.Errorf("metrics are shown to this machine alone; Config.Admin gives them an address of their own"))
			return
		}
		series.ServeHTTP(w, r)
	})
}

func (s *Service) openAPI(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	described := s.described
	s.mu.Unlock()
	writeJSON(w, rest.OpenAPI(s.name, s.config.Version, described...))
}

// unready is why the service should get no calls, or nil.
func (s *Service) unready(ctx context.Context) error {
	if s.life.stopping.Load() {
		return fault.Unavailable.Errorf("service %s is stopping", s.name)
	}
	s.mu.Lock()
	checks := s.checks
	s.mu.Unlock()
	if len(checks) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	faults := make([]error, len(checks))
	var all sync.WaitGroup
	for i, c := range checks {
		all.Go(func() {
			if err := c.ok(ctx); err != nil {
				faults[i] = fmt.Errorf("%s: %w", c.name, err)
			}
		})
	}
	all.Wait()
	if err := errors.Join(faults...); err != nil {
		var names []string
		for i, c := range checks {
			if faults[i] != nil {
				names = append(names, c.name)
			}
		}
		return fault.Unavailable.Errorf("service %s is not ready: it waits for %v", s.name, names).WithCause(err)
	}
	return nil
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a caller that is gone hears nothing
}
