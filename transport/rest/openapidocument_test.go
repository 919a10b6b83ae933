package rest_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/transport/rest"
)

type part struct {
	Name   string            `json:"name"`
	Shade  shade             `json:"shade"`
	Second *shade            `json:"second"`
	Price  *float64          `json:"price,omitempty"`
	Made   *time.Time        `json:"made"`
	Of     *part             `json:"of"`
	Parts  []*part           `json:"parts"`
	Labels map[string]string `json:"labels"`
	Image  []byte            `json:"image"`
}

type paint struct {
	ID     int       `path:"id" json:"-"`
	Only   []shade   `query:"only" json:"-"`
	Since  time.Time `query:"since" json:"-"`
	Limit  *int      `query:"limit" json:"-"`
	Tenant string    `header:"X-Tenant" json:"tenant"`
	Note   *string   `json:"note"`
	Whole  *part     `json:"whole"`
	Dry    bool
}

// shop returns the document of a route with everything, of one with nothing, and of what
// does not count: a handler that is no route, and a duplicate pattern.
func shop(t *testing.T) []byte {
	t.Helper()
	mux, later := listing{ServeMux: http.NewServeMux()}, listing{ServeMux: http.NewServeMux()}
	nowhere := rest.Remote("http://10.0.0.1", nil)
	rest.Route[*paint, *part]{Pattern: "POST /parts/{id}/paint", Keyed: true, Status: 201, Summary: "Paints a part.", Tags: []string{"parts"}}.Forward(&mux, nowhere)
	rest.Route[endpoint.None, endpoint.None]{Pattern: "DELETE /parts/{$}"}.Forward(&mux, nowhere)
	rest.Route[*part, []part]{Pattern: "POST /parts/{$}"}.Forward(&mux, nowhere)
	rest.Route[endpoint.None, endpoint.None]{Pattern: "POST /parts/{$}"}.Forward(&later, nowhere)
	handlers := append(append(mux.handlers, http.NotFoundHandler()), later.handlers...)
	text, err := json.MarshalIndent(rest.OpenAPI("shop", "1.2.0", handlers...), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

func TestTheDocumentOfRoutes(t *testing.T) {
	want, err := os.ReadFile("testdata/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if got := shop(t); string(got) != string(want) {
		t.Errorf("testdata/openapi.json should be\n%s", got)
	}
}

func TestEveryReferenceOfADocumentResolves(t *testing.T) {
	var doc any
	if err := json.Unmarshal(shop(t), &doc); err != nil {
		t.Fatal(err)
	}
	referred := map[string]bool{}
	var walk func(any)
	walk = func(at any) {
		switch at := at.(type) {
		case []any:
			for _, part := range at {
				walk(part)
			}
		case map[string]any:
			for name, part := range at {
				if to, ok := part.(string); ok && name == "$ref" {
					referred[to] = true
				}
				walk(part)
			}
		}
	}
	walk(doc)
	if !referred["#/components/schemas/part"] || !referred["#/components/schemas/Problem"] {
		t.Errorf("referred to are %v", referred)
	}
	for to := range referred {
		at := doc
		for name := range strings.SplitSeq(strings.TrimPrefix(to, "#/"), "/") {
			in, _ := at.(map[string]any)
			at = in[name]
		}
		if s, _ := at.(map[string]any); len(s) == 0 {
			t.Errorf("%s leads to %v", to, at)
		}
	}
}
