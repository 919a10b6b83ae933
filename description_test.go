package sinew_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestTheDocumentIsRenderedOncePerSetOfRoutes(t *testing.T) {
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Version: "1.2.3"}))
	type answer struct{ A, B, C, D, E, F, G, H []string }
	noAnswer := func(context.Context, endpoint.None) (*answer, error) { return nil, nil }
	rest.Route[endpoint.None, *answer]{Pattern: "GET /first"}.Handle(svc, noAnswer)
	document := func() string {
		w := httptest.NewRecorder()
		svc.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/openapi.json", nil))
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%d %s", w.Code, w.Header())
		}
		return w.Body.String()
	}
	if text := document(); !strings.Contains(text, `"/first"`) || !strings.Contains(text, `"1.2.3"`) {
		t.Error(text)
	}
	rest.Route[endpoint.None, *answer]{Pattern: "GET /second"}.Handle(svc, noAnswer)
	if text := document(); !strings.Contains(text, `"/first"`) || !strings.Contains(text, `"/second"`) {
		t.Error(text)
	}
	if text := document(); text != document() {
		t.Error(text)
	}
	if allocs := testing.AllocsPerRun(20, func() { document() }); allocs > 100 {
		t.Errorf("%v allocations for a document that is there", allocs)
	}
}
