package rest_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/transport/rest"
)

// prefixed is a mux that serves patterns under a prefix, and stores what it serves.
type prefixed struct {
	listing
	prefix string
}

func (p *prefixed) Prefix() string { return p.prefix }

func (p *prefixed) Handle(pattern string, h http.Handler) {
	p.listing.Handle(strings.Replace(pattern, " ", " "+p.prefix, 1), around{h})
}

// around is a handler around that of a route.
type around struct{ http.Handler }

func (a around) Unwrap() http.Handler { return a.Handler }

type item struct {
	ID string `path:"id" json:"-"`
}

func TestForwardLeavesOutThePrefixOfTheMux(t *testing.T) {
	var got string
	caller, _ := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RequestURI }))
	for _, c := range []struct{ prefix, pattern, path, want string }{
		{"", "GET /items/{id}", "/items/7", "/items/7"},
		{"/v1", "GET /items/{id}", "/v1/items/7", "/items/7"},
		{"/v1", "GET /items/{id}", "/v1/items/a%2Fb?q=1%2F2", "/items/a%2Fb?q=1%2F2"},
		{"/tenants/{tenant}", "GET /items/{id}", "/tenants/a%2Fb/items/7", "/items/7"},
		{"/v1", "GET /{id}", "/v1/7", "/7"},
		{"/v1", "GET /items/{id...}", "/v1/items/", "/items/"},
		{"/v1", "GET /items/{id...}", "/v1/items/a/b%20c", "/items/a/b%20c"},
	} {
		mux := &prefixed{listing{ServeMux: http.NewServeMux()}, c.prefix}
		rest.Route[item, endpoint.None]{Pattern: c.pattern}.Forward(mux, caller)
		if got = ""; ask(mux, "GET", c.path, "", "").Code != 200 || got != c.want {
			t.Errorf("%s under %q: %s is forwarded as %s, want %s", c.pattern, c.prefix, c.path, got, c.want)
		}
	}
}

func TestOpenAPIAddsThePrefixOfTheMux(t *testing.T) {
	v1 := &prefixed{listing{ServeMux: http.NewServeMux()}, "/v1"}
	tenants := &prefixed{listing{ServeMux: http.NewServeMux()}, "/tenants/{tenant}"}
	for _, mux := range []*prefixed{v1, tenants} {
		rest.Route[item, endpoint.None]{Pattern: "GET /items/{id}"}.Handle(mux, func(context.Context, item) (endpoint.None, error) { return endpoint.None{}, nil })
	}
	text, err := json.Marshal(rest.OpenAPI("x", "1", append(v1.handlers, tenants.handlers...)...))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string
			Parameters  []struct {
				Name, In string
				Required bool
				Schema   struct{ Type string }
			}
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	want := map[string]struct {
		id        string
		variables []string
	}{
		"/v1/items/{id}":               {"getV1ItemsById", []string{"id"}},
		"/tenants/{tenant}/items/{id}": {"getTenantsByTenantItemsById", []string{"tenant", "id"}},
	}
	if got := slices.Sorted(maps.Keys(doc.Paths)); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
		t.Fatalf("the paths are %v", got)
	}
	for path, w := range want {
		get := doc.Paths[path]["get"]
		if get.OperationID != w.id {
			t.Errorf("%s has the id %q, want %q", path, get.OperationID, w.id)
		}
		var variables []string
		for _, p := range get.Parameters {
			if variables = append(variables, p.Name); p.In != "path" || !p.Required || p.Schema.Type != "string" {
				t.Errorf("%s has the parameter %+v, want a required string in the path", path, p)
			}
		}
		if !slices.Equal(variables, w.variables) {
			t.Errorf("%s has the parameters %v, want %v", path, variables, w.variables)
		}
	}
}
