package gin_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/sinew-go/sinew/endpoint"
	sinewgin "github.com/sinew-go/sinew/transport/gin"
	"github.com/sinew-go/sinew/transport/rest"
)

// panicOf returns what f panics with, "" if it does not.
func panicOf(f func()) (message string) {
	defer func() {
		if p := recover(); p != nil {
			message = fmt.Sprint(p)
		}
	}()
	f()
	return ""
}

func TestARouteThatGinCannotServePanicsWithTheReason(t *testing.T) {
	nop := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for _, c := range []struct {
		before, pattern, reason string
	}{
		{"", "GET example.com/orders", "not by host"},
		{"", "example.com/orders", "not by host"},
		{"", "GET orders", "not by host"},
		{"", "GET /a*b", `"a*b"`},
		{"", "GET /a%2Ab", `"a*b"`},
		{"", "GET /a%5Cb", `"a\\b"`},
		{"", "GET /a%2Fb", `"a/b"`},
		{"", "GET /%2E%2E", `".."`},
		{"", "M-SEARCH /orders", "M-SEARCH is not valid"},
		{"", "get /orders", "get is not valid"},
		{"", "GET /orders/{id", "must end with '}'"}, // refused by http.ServeMux itself
		{"GET /orders/{id}", "GET /orders/{id}", "conflicts"},
		{"GET /orders/{id}", "GET /orders/{order}/lines", "conflicts with existing wildcard ':id'"},
		{"GET /files/{path...}", "GET /files/about", "conflicts with existing wildcard '/*path'"},
		{"GET /files/about", "GET /files/{path...}", "conflicts with existing path segment"},
	} {
		mux := sinewgin.On(gin.New().Group("/v1"))
		if c.before != "" {
			mux.Handle(c.before, nop)
		}
		got := panicOf(func() { mux.Handle(c.pattern, nop) })
		if !strings.Contains(got, c.reason) || !strings.Contains(got, strings.TrimPrefix(c.pattern, "GET ")) && !strings.Contains(got, "v1") {
			t.Errorf("%s beside %q: %q, want the pattern and %q", c.pattern, c.before, got, c.reason)
		}
	}
	if got := panicOf(func() { sinewgin.On(gin.New()).Handle("GET /x", nil) }); !strings.Contains(got, `"GET /x": its handler is nil`) {
		t.Errorf("a nil handler: %q", got)
	}
}

func TestAHandlerOfGinAtTheSamePlaceIsAConflict(t *testing.T) {
	engine := gin.New()
	engine.GET("/v1/orders/:id", func(*gin.Context) {})
	got := panicOf(func() { reveal(sinewgin.On(engine.Group("/v1")), "GET /orders/{id}") })
	for _, want := range []string{`route "GET /orders/{id}"`, "for GET: handlers are already registered for path '/v1/orders/:id'"} {
		if !strings.Contains(got, want) {
			t.Errorf("the panic says %q, want %q in it", got, want)
		}
	}
}

func TestRoutesOfGinAndOfAMuxShareAGroup(t *testing.T) {
	engine := gin.New(sinewgin.LikeServeMux)
	v1 := engine.Group("/v1")
	v1.GET("/orders/:id/label", func(c *gin.Context) { c.String(http.StatusOK, "label of "+c.Param("id")) })
	reveal(sinewgin.On(v1), "GET /orders/{id}")
	for request, want := range map[string]string{
		"GET /v1/orders/7":            `GET: /v1/orders/7 by GET /v1/orders/{id}, id="7" rest=""`,
		"GET /v1/orders/7%2F8/label":  "label of 7/8",
		"DELETE /v1/orders/7/label":   "it accepts GET, HEAD",
		"GET /v1/orders/7/label/none": "unknown_path",
	} {
		if got := ask(t, engine, request); !strings.Contains(got.body, want) {
			t.Errorf("%s: %s, want %s", request, got, want)
		}
	}
}

func TestTheGroupIsThePrefixOfItsRoutes(t *testing.T) {
	for _, c := range []struct{ group, prefix, panics string }{
		{"", "", ""},
		{"/", "", ""},
		{"/v1", "/v1", ""},
		{"v1/", "/v1", ""},
		{"/v1/:tenant", "/v1/{tenant}", ""},
		{`/v1\:beta`, "/v1:beta", ""},
		{"/v:version", "", `"v:version"`},
		{"/{id}", "", `"{id}"`},
		{"/*all", "", `"*all"`},
	} {
		got := ""
		panics := panicOf(func() { got = sinewgin.On(gin.New().Group(c.group)).Prefix() })
		if got != c.prefix || !strings.Contains(panics, c.panics) || (c.panics == "") != (panics == "") {
			t.Errorf("the group %q has the prefix %q and panics with %q, want %q and %q", c.group, got, panics, c.prefix, c.panics)
		}
	}
	for name, f := range map[string]func(){
		"gin.On: the group is nil": func() { sinewgin.On((*gin.RouterGroup)(nil)) },
		"the outer mux is nil":     func() { sinewgin.On(gin.New()).Within(nil, gin.New()) },
		"the engine is nil":        func() { sinewgin.On(gin.New()).Within(http.NewServeMux(), nil) },
		"call it first": func() {
			mux := sinewgin.On(gin.New())
			reveal(mux, "GET /x")
			mux.Within(http.NewServeMux(), gin.New())
		},
	} {
		if got := panicOf(f); !strings.Contains(got, name) {
			t.Errorf("the panic is %q, want %q", got, name)
		}
	}
}

func TestGinListsTheRoutes(t *testing.T) {
	engine := gin.New()
	mux := sinewgin.On(engine.Group("/v1"))
	reveal(mux, "POST /orders")
	reveal(mux, "GET /orders/{id}")
	reveal(mux, "DELETE /files/{path...}")
	var got []string
	for _, r := range engine.Routes() {
		got = append(got, r.Method+" "+r.Path)
	}
	slices.Sort(got)
	if want := []string{"DELETE /v1/files/*path", "GET /v1/orders/:id", "HEAD /v1/orders/:id", "POST /v1/orders"}; !slices.Equal(got, want) {
		t.Errorf("the engine has %v, want %v", got, want)
	}
}

func TestOpenAPIListsTheRoutesWithThePrefixOfTheGroup(t *testing.T) {
	mux := sinewgin.On(gin.New().Group("/v1"))
	show[byID](mux, "GET /orders/{id}")
	rest.Route[*change, endpoint.None]{Pattern: "PUT /orders/{id}"}.Forward(mux, rest.Remote("http://127.0.0.1:1", nil))
	reveal(mux, "GET /undescribed")
	paths := rest.OpenAPI("shop", "1", mux.Handlers()...)["paths"].(map[string]any)
	methods, _ := paths["/v1/orders/{id}"].(map[string]any)
	if len(paths) != 1 || len(methods) != 2 || methods["get"] == nil || methods["put"] == nil {
		t.Errorf("the paths are %v, want GET and PUT of /v1/orders/{id}", paths)
	}
}

func TestAKeyedRouteRunsOncePerKey(t *testing.T) {
	engine := gin.New()
	runs := 0
	rest.Route[*change, seen]{Pattern: "POST /orders/{id}", Keyed: true}.Handle(sinewgin.On(engine.Group("/:tenant")), func(_ context.Context, c *change) (seen, error) {
		runs++
		return seen{Request: fmt.Sprint(c.ID, c.Quantity, runs)}, nil
	})
	const tail = "\nContent-Type: application/json\nIdempotency-Key: k\n\n{\"quantity\":3}"
	first, again := ask(t, engine, "POST /a/orders/7"+tail), ask(t, engine, "POST /a/orders/7"+tail)
	if first.status != 200 || first.body != again.body || runs != 1 || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("it ran %d times; first %s, then %s", runs, first, again)
	}
	if other := ask(t, engine, "POST /b/orders/7"+tail); other.status != http.StatusUnprocessableEntity {
		t.Errorf("the key with another prefix: %s, want 422, since that is another request", other)
	}
}

func TestForwardReachesACalleeThatServesTheRouteItself(t *testing.T) {
	callee := http.NewServeMux()
	reveal(callee, "GET /orders/{id}")
	addr := serve(t, callee)
	engine := gin.New(sinewgin.LikeServeMux)
	rest.Route[byID, seen]{Pattern: "GET /orders/{id}"}.Forward(sinewgin.On(engine.Group("/v1")), rest.Remote(addr, nil))
	if got := ask(t, engine, "GET /v1/orders/a%2Fb?note=x"); got.body != `GET: /orders/a%2Fb?note=x by GET /orders/{id}, id="a/b" rest=""` {
		t.Errorf("the callee got %s", got)
	}
	down := gin.New()
	rest.Route[byID, seen]{Pattern: "GET /orders/{id}"}.Forward(sinewgin.On(down), rest.Remote("http://127.0.0.1:1", nil))
	if got := ask(t, down, "GET /orders/7"); got.status != http.StatusServiceUnavailable || got.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("a callee that is down: %s", got)
	}
}
