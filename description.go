package sinew

import (
	"encoding/json"
	"net/http"
	"sync"

	"github.com/sinew-go/sinew/transport/rest"
)

// description is the OpenAPI document of a service, which is made once for as long
// as no route comes to it.
type description struct {
	mu     sync.Mutex
	routes int
	text   []byte // nil before the first
}

// of is the document of these handlers, of which more may come and none go.
func (d *description) of(s *Service, handlers []http.Handler) ([]byte, error) {
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
	described := s.described
	s.mu.Unlock()
	text, err := s.description.of(s, described)
	if err != nil {
		rest.WriteError(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // a caller that is gone hears nothing
}
