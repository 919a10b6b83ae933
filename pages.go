package sinew

import (
	"encoding/json"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// pages are those that every service has.
func (s *Service) pages() {
	s.mux.HandleFunc("GET /openapi.json", s.openAPI)
	s.mux.HandleFunc("GET /healthz", healthy)
	if s.admin != s.mux {
		s.admin.HandleFunc("GET /healthz", healthy)
	}
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

func healthy(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, map[string]any{"status": "ok"})
}

func (s *Service) openAPI(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	described := s.described
	s.mu.Unlock()
	writeJSON(w, rest.OpenAPI(s.name, s.config.Version, described...))
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a caller that is gone hears nothing
}
