package gin_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	sinewgin "github.com/sinew-go/sinew/transport/gin"
	"github.com/sinew-go/sinew/transport/rest"
)

type byID struct {
	ID   string `path:"id" json:"-"`
	Note string `query:"note" json:"-"`
	User string `header:"X-User" json:"-"`
}

type lineOf struct {
	ID   string `path:"id" json:"-"`
	Line int    `path:"line" json:"-"`
}

type file struct {
	Path string `path:"path" json:"-"`
}

type change struct {
	ID       string `path:"id" json:"-"`
	Quantity int    `json:"quantity"`
}

func (c *change) Validate() error {
	if c.Quantity < 0 {
		return fault.InvalidArgument.Errorf("the quantity is negative")
	}
	return nil
}

type seen struct {
	Route   string `json:"route"`
	Request string `json:"request"`
}

// show serves a route that answers with what it has been given.
func show[Req any](mux rest.Mux, pattern string) {
	rest.Route[Req, seen]{Pattern: pattern}.Handle(mux, func(_ context.Context, req Req) (seen, error) {
		return seen{pattern, fmt.Sprintf("%+v", reflect.Indirect(reflect.ValueOf(req)))}, nil
	})
}

// reveal serves a pattern with a handler that answers with the pattern and some values.
func reveal(mux rest.Mux, pattern string) {
	mux.Handle(pattern, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		id, rest := r.PathValue("id"), r.PathValue("rest")
		_, _ = fmt.Fprintf(w, "%s: %s by %s, id=%q rest=%q", r.Method, r.URL, r.Pattern, id, rest)
	}))
}

func showAll(mux rest.Mux) {
	show[byID](mux, "GET /orders/{id}")
	show[*change](mux, "PUT /orders/{id}")
	show[endpoint.None](mux, "GET /orders/latest")
	show[endpoint.None](mux, "POST /orders/latest")
	show[lineOf](mux, "GET /orders/{id}/lines/{line}")
	show[byID](mux, "DELETE /orders/{id}/lines")
	show[endpoint.None](mux, "GET /orders/{$}")
	show[file](mux, "GET /files/{path...}")
	show[endpoint.None](mux, "GET /café/menü")
	show[byID](mux, "GET /caf%C3%A9/{id}")
	show[endpoint.None](mux, "POST /orders:search")
	show[byID](mux, "GET /orders:by/{id}")
	show[endpoint.None](mux, "GET /a%20b/c+d;e,f")
	reveal(mux, "HEAD /orders/{id}/lines")
	reveal(mux, "/any/{id}")
	reveal(mux, "GET /any/{id}")
	reveal(mux, "POST /tree/")
}

// onServeMux is what Gin is compared with: the same patterns with the prefix on a
// http.ServeMux.
type onServeMux struct {
	*http.ServeMux
	prefix string
}

func (m onServeMux) Handle(pattern string, h http.Handler) {
	m.ServeMux.Handle(strings.Replace(pattern, "/", m.prefix+"/", 1), h)
}

func (m onServeMux) Prefix() string { return m.prefix }

// answer is what a handler answers to the lines of a request.
type answer struct {
	status int
	header http.Header
	body   string
}

func ask(t interface{ Fatalf(string, ...any) }, h http.Handler, request string) answer {
	head, body, _ := strings.Cut(request, "\n\n")
	line, header, _ := strings.Cut(head, "\n")
	wire := fmt.Sprintf("%s HTTP/1.1\nHost: x\nContent-Length: %d\n%s\n\n%s", line, len(body), header, body)
	if header == "" {
		wire = strings.Replace(wire, "\n\n\n", "\n\n", 1)
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
	if err != nil {
		t.Fatalf("%q is no request: %v", request, err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return answer{w.Code, w.Result().Header, w.Body.String()}
}

func (a answer) String() string { return fmt.Sprintf("%d %v %s", a.status, a.header, a.body) }

func TestGinAnswersAsServeMuxDoes(t *testing.T) {
	for _, prefix := range []string{"", "/v1", "/tenants/{tenant}"} {
		plain := http.NewServeMux()
		showAll(onServeMux{plain, prefix})
		want := rest.ProblemMux(plain)
		got := gin.New(func(e *gin.Engine) {
			e.UseRawPath, e.RedirectFixedPath, e.HandleMethodNotAllowed = true, true, true
		}, sinewgin.LikeServeMux)
		group := strings.NewReplacer("{", ":", "}", "").Replace(prefix)
		showAll(sinewgin.On(got.Group(group)))
		for _, request := range []string{
			"GET /orders/7", "GET /orders/7?note=a%2Fb+c&note2=", "GET /orders/7?note=1&note=2",
			"GET /orders/7\nX-User: ann", "HEAD /orders/7", "HEAD /orders/latest", "HEAD /orders/",
			"OPTIONS /orders/7", "PATCH /orders/7", "HEAD /orders:search", "GET /orders/latest",
			"POST /orders/latest", "PUT /orders/latest\n\n{}", "PUT /orders/7",
			"PUT /orders/7\n\n{\"quantity\":3}",
			"PUT /orders/7\nContent-Type: application/json\n\n{\"quantity\":3}",
			"PUT /orders/7\nContent-Type: text/plain\n\n{\"quantity\":3}",
			"PUT /orders/7\nContent-Type: application/json\n\n{\"quantity\":-3}",
			"PUT /orders/7\nContent-Type: application/json\n\n{\"quantity\":",
			"PUT /orders/a%2Fb\nContent-Type: application/json\n\n{\"quantity\":3}",
			"PUT /orders/a%2Flines\nContent-Type: application/json\n\n{}",
			"PUT /orders/7\nContent-Type: application/json\n\n{\"quantity\":3" + strings.Repeat(" ", 1<<20) + "}",
			"GET /orders/a%2Fb", "GET /orders/a%2Flines%2F1", "GET /orders/a%2Flines/lines/1",
			"GET /orders/%2F", "GET /orders/%2Flatest", "GET /orders/latest%2F", "GET /orders/a+b",
			"GET /orders/a%20b", "GET /orders/a%2Bb", "GET /orders/%41", "GET /orders/%25",
			"GET /orders/%252F", "GET /orders/caf%C3%A9", "GET /orders/café", "GET /orders/%FF",
			"GET /orders/%00", "GET /orders/a;b,c=d:e@f!g$h&i'j(k)*l~m", "GET /orders/.hidden",
			"GET /orders/..a", "GET /orders/%E4%B8%96", "GET /orders/:id", "GET /orders/*",
			"GET /orders/%7Bid%7D", "GET /orders/\\", "GET /orders/%5C:", "GET /orders/7/lines/3",
			"GET /orders/7/lines/x", "GET /orders/latest/lines/3", "GET /orders/7/lines/",
			"DELETE /orders/7/lines", "HEAD /orders/7/lines", "GET /orders/7/lines", "GET /orders/",
			"POST /orders/", "GET /orders", "PUT /orders", "GET /files", "POST /tree", "GET /tree",
			"GET //orders/7", "GET /orders//lines/3", "GET /x/../orders/7", "GET /orders/./7",
			"GET /orders/..", "GET /ordersx", "GET /order", "GET /orders/7/", "GET /orders/7/line",
			"GET /orders/7/lines/3/", "GET /orders/7/lines/3/x", "GET /files/", "GET /files/a",
			"GET /files/a/b/c", "GET /files/a%2Fb/c", "GET /files/a%20b/", "GET /files/caf%C3%A9/%25",
			"POST /files/a", "GET /files/a+b", "GET /caf%C3%A9/men%C3%BC", "GET /café/menü",
			"HEAD /caf%C3%A9/men%C3%BC", "POST /caf%C3%A9/men%C3%BC", "GET /caf%C3%A9/x",
			"GET /caf%C3%A9/a%2Fb", "GET /cafe/x", "POST /orders:search", "GET /orders:search",
			"GET /orders:by/7", "GET /orders:by/", "POST /orders:searching", "POST /ordersXsearch",
			"GET /a%20b/c+d;e,f", "GET /a+b/c+d;e,f", "GET /any/7", "HEAD /any/7", "POST /any/7",
			"PUT /any/7", "PATCH /any/7", "DELETE /any/7", "OPTIONS /any/7", "TRACE /any/7",
			"GET /any/a%2Fb", "POST /tree/", "POST /tree/a", "POST /tree/a/b%2Fc", "GET /tree/a", "GET /",
			"GET /orders/7\nX-Request-Timeout: 0s", "GET /orders/7\nX-Request-Timeout: soon",
			"POST /", "GET /nothing", "GET /nothing/at/all", "HEAD /nothing",
		} {
			method, path, _ := strings.Cut(request, " ")
			request = method + " " + strings.Replace(prefix, "{tenant}", "a%2Fb", 1) + path
			w, g := ask(t, want, request), ask(t, got, request)
			if g.status != w.status || g.body != w.body || !reflect.DeepEqual(g.header, w.header) {
				t.Errorf("%s\ngin:      %.300s\nServeMux: %.300s", request, g, w)
			}
		}
	}
}

func TestGinDiffersFromServeMuxAsDocumented(t *testing.T) {
	plain := http.NewServeMux()
	showAll(onServeMux{plain, ""})
	like, def := gin.New(sinewgin.LikeServeMux), gin.New()
	showAll(sinewgin.On(like))
	showAll(sinewgin.On(def))
	for _, c := range []struct {
		request                   string
		serveMux, like, byDefault int
	}{
		{"GET /%6Frders/7", 200, 404, 200},      // an unusual escape in a literal
		{"GET //orders/7", 307, 307, 404},       // a path that is not clean
		{"GET /orders//lines/3", 404, 404, 404}, // ServeMux does not redirect to what it has not
		{"GET /x/../orders/7", 307, 307, 404},
		{"POST /tree", 307, 307, 307}, // a slash is missing
		{"GET /files", 307, 307, 301},
		{"GET /orders", 307, 307, 301},
		{"GET /orders/7/", 404, 404, 301},    // a slash too many
		{"PROPFIND /any/7", 200, 405, 404},   // a method that net/http has no name for
		{"GET /orders/a%2Fb", 200, 200, 404}, // a slash in a variable
		{"PATCH /orders/7", 405, 405, 404},
		{"GET /caf%C3%A9/men%C3%BC", 200, 200, 200}, // no difference: literals are found in both forms
	} {
		for name, h := range map[string]struct {
			http.Handler
			want int
		}{"ServeMux": {rest.ProblemMux(plain), c.serveMux}, "LikeServeMux": {like, c.like}, "the default": {def, c.byDefault}} {
			if got := ask(t, h, c.request); got.status != h.want {
				t.Errorf("%s by %s: %d, want %d", c.request, name, got.status, h.want)
			}
		}
	}
}

func TestGinDoesNotAlwaysGoBackFromALiteralToAVariable(t *testing.T) {
	engine := gin.New(sinewgin.LikeServeMux)
	mux := sinewgin.On(engine)
	reveal(mux, "GET /a/{x}")
	reveal(mux, "GET /{y}/{rest...}")
	for request, want := range map[string]int{"GET /a/b": 200, "GET /b/b/c": 200, "GET /a/b/c": 404} {
		if got := ask(t, engine, request); got.status != want {
			t.Errorf("%s: %s, want %d, as the package comment says", request, got, want)
		}
	}
}

// Under Gin's defaults the path is decoded before it is routed, so that the request looks
// like one for another route. No route runs with a value that the request did not have.
func TestAnEscapedSlashDoesNotReachAnotherRouteByDefault(t *testing.T) {
	engine := gin.New()
	mux := sinewgin.On(engine)
	reveal(mux, "GET /orders/{id}/lines")
	got := ask(t, engine, "GET /orders/7%2Flines")
	if got.status != http.StatusNotFound || !strings.Contains(got.body, "unknown_path") {
		t.Errorf("an id with a slash reaches the lines of an order: %s", got)
	}
	reveal(mux, "GET /orders/{id}")
	got = ask(t, engine, "GET /orders/7%2Flines")
	if got.body != `GET: /orders/7%2Flines by GET /orders/{id}, id="7/lines" rest=""` {
		t.Errorf("an id with a slash is not that of an order: %s", got)
	}
}
