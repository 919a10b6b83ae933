package sinew

import (
	"encoding/json"
	"net/http"
	"sync"

	"github.com/sinew-go/sinew/transport/rest"
)

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
