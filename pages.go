package sinew

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// registerPages registers the pages that every service has. Those on Admin are open to
// whoever reaches that address.
func (s *Service) registerPages() {
	s.handlePage(s.mux, "GET /openapi.json", http.HandlerFunc(s.openAPI))
	s.handlePage(s.mux, "GET /docs", rest.Docs("openapi.json"))
	s.handlePage(s.mux, "GET /healthz", http.HandlerFunc(healthz))
	s.handlePage(s.admin, "GET /healthz", http.HandlerFunc(healthz))
	ready := http.HandlerFunc(s.readyz)
	s.handlePage(s.admin, "GET /readyz", ready)
	if s.config.Admin == "" {
		s.handlePage(s.mux, "GET /readyz", ready)
	}
	s.handleAdminPage("GET /metrics", promhttp.HandlerFor(s.config.Gatherer, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	for _, pattern := range slices.Sorted(maps.Keys(s.config.AdminPages)) {
		s.handlePage(s.admin, pattern, s.config.AdminPages[pattern]) // not on Addr, where it could collide with a route
	}
}

// handlePage serves a page of the service's own. Pages are in no metrics and no log.
func (s *Service) handlePage(mux *http.ServeMux, pattern string, h http.Handler) {
	s.ownPages.Store(pattern, true)
	mux.Handle(pattern, h)
}

// handleAdminPage serves a page to whoever reaches Admin. If Admin is not configured, it
// serves trusted callers on Addr, too.
func (s *Service) handleAdminPage(pattern string, h http.Handler) {
	s.handlePage(s.admin, pattern, h)
	if s.config.Admin != "" {
		return
	}
	s.handlePage(s.mux, pattern, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.config.Trust(r) {
			rest.WriteError(w, s.hiddenPageError(r))
			return
		}
		h.ServeHTTP(w, r)
	}))
}

// hiddenPageError refuses a page. It names the page's URL on this machine only to a caller
// on this machine: a proxy here looks like one, but the URL is useless to those that it
// forwards for.
func (s *Service) hiddenPageError(r *http.Request) error {
	if url := s.AdminURL(); url != "" && rest.SameMachine(r) {
		return fault.PermissionDenied.Errorf("this page is for callers that Config.Trust trusts; on this machine it is at %s%s, and Config.Admin gives it an address that others reach", url, r.URL.Path)
	}
	return fault.PermissionDenied.Errorf("this page is for callers that Config.Trust trusts; Config.Admin gives it an address of its own")
}

func (s *Service) readyz(w http.ResponseWriter, r *http.Request) {
	if err := s.readiness.Check(r.Context()); err != nil {
		rest.WriteError(w, err)
		return
	}
	writeJSON(w, map[string]any{"status": "ready"})
}

func healthz(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, map[string]any{"status": "ok"})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // an error means that the caller is gone
}

// description is the OpenAPI document of a service, rendered again only after a route was
// added.
type description struct {
	mu     sync.Mutex
	routes int
	text   []byte // nil before it is first rendered
}

// document renders the document of the handlers. Handlers are only ever appended, so that
// their number tells whether the document is current.
func (d *description) document(s *Service, handlers []http.Handler) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.text != nil && d.routes >= len(handlers) {
		return d.text, nil
	}
	text, err := json.Marshal(rest.OpenAPI(s.name, s.config.Version, handlers...))
	if err != nil {
		return nil, err
	}
	text = append(text, '\n')
	d.routes, d.text = len(handlers), text
	return d.text, nil
}

func (s *Service) openAPI(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	handlers := s.handlers
	s.mu.Unlock()
	text, err := s.description.document(s, handlers)
	if err != nil {
		rest.WriteError(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // an error means that the caller is gone
}
