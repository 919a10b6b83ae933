package sinew

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// pages are those that every service has. What is on Admin is for whoever reaches
// that.
func (s *Service) pages() {
	s.page(s.mux, "GET /openapi.json", http.HandlerFunc(s.openAPI))
	s.page(s.mux, "GET /healthz", http.HandlerFunc(healthy))
	s.page(s.admin, "GET /healthz", http.HandlerFunc(healthy))
	ready := http.HandlerFunc(s.readyz)
	s.page(s.admin, "GET /readyz", ready)
	if s.config.Admin == "" {
		s.page(s.mux, "GET /readyz", ready)
	}
	s.adminPage("GET /metrics", promhttp.HandlerFor(s.config.Gatherer, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	for _, pattern := range slices.Sorted(maps.Keys(s.config.AdminPages)) {
		s.page(s.admin, pattern, s.config.AdminPages[pattern]) // not on Addr, where it could be in the way of a route
	}
}

// page serves one that is no route: it is in no series and no log.
func (s *Service) page(mux *http.ServeMux, pattern string, h http.Handler) {
	s.ownPages[pattern] = true
	mux.Handle(pattern, h)
}

// adminPage serves one to whoever reaches Admin, and, where nobody has said who
// does, to trusted callers on Addr.
func (s *Service) adminPage(pattern string, h http.Handler) {
	s.page(s.admin, pattern, h)
	if s.config.Admin != "" {
		return
	}
	s.page(s.mux, pattern, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.config.Trust(r) {
			rest.WriteError(w, s.errHidden(r))
			return
		}
		h.ServeHTTP(w, r)
	}))
}

// errHidden is what those are told who may not see a page. A proxy on this machine
// looks like somebody at work on it; where he has to ask is of no use to whom it
// may stand for.
func (s *Service) errHidden(r *http.Request) error {
	if url := s.AdminURL(); url != "" && rest.SameMachine(r) {
		return fault.PermissionDenied.Errorf("this page is for callers that Config.Trust trusts; on this machine it is at %s%s, and Config.Admin gives it an address that others reach", url, r.URL.Path)
	}
	return fault.PermissionDenied.Errorf("this page is for callers that Config.Trust trusts; Config.Admin gives it an address of its own")
}

func (s *Service) readyz(w http.ResponseWriter, r *http.Request) {
	if err := s.unready(r.Context()); err != nil {
		rest.WriteError(w, err)
		return
	}
	writeJSON(w, map[string]any{"status": "ready"})
}

func healthy(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, map[string]any{"status": "ok"})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a caller that is gone hears nothing
}
