package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/idempotency"
	"github.com/sinew-go/sinew/transport/rest"
)

const (
	v1 rest.Prefix = "/v1"
	v2 rest.Prefix = "/v2"
)

type priceV1 struct {
	ID    string `path:"id" json:"-"`
	Price int    `json:"price"`
}

type priceV2 struct {
	ID       string `path:"id" json:"-"`
	Amount   int    `json:"amount"`
	Currency string `json:"currency"`
}

var (
	setPriceV1 = rest.Route[*priceV1, *priceV1]{Pattern: "POST /prices/{id}", Keyed: true}
	setPriceV2 = rest.Route[*priceV2, *priceV2]{Pattern: "POST /prices/{id}", Keyed: true}
)

// versions is a mux with two versions of a route.
func versions() *listing {
	mux := &listing{ServeMux: http.NewServeMux()}
	setPriceV1.Handle(v1.Mux(mux), func(_ context.Context, p *priceV1) (*priceV1, error) { return p, nil })
	setPriceV2.Handle(v2.Mux(mux), func(_ context.Context, p *priceV2) (*priceV2, error) { return p, nil })
	return mux
}

func ExamplePrefix() {
	mux := versions()
	server := httptest.NewServer(mux)
	defer server.Close()
	price := rest.Remote(server.URL, server.Client())

	ctx := context.Background()
	old, err := setPriceV1.Endpoint(v1.Caller(price))(ctx, &priceV1{ID: "p-1", Price: 7})
	fmt.Println(old.Price, err)
	current, err := setPriceV2.Endpoint(v2.Caller(price))(ctx, &priceV2{ID: "p-1", Amount: 7, Currency: "EUR"})
	fmt.Println(current.Amount, current.Currency, err)
	document := rest.OpenAPI("price", "1.0.0", mux.handlers...)
	fmt.Println(slices.Sorted(maps.Keys(document["paths"].(map[string]any))))
	// Output:
	// 7 <nil>
	// 7 EUR <nil>
	// [/v1/prices/{id} /v2/prices/{id}]
}

// sharing is a mux whose routes store their answers in one place.
type sharing struct {
	*listing
	store idempotency.Store
}

func (s sharing) IdempotencyStore() idempotency.Store { return s.store }
func (s sharing) Subject(r *http.Request) string      { return r.Header.Get("X-User") }
func (s sharing) Stopping() <-chan struct{}           { return nil }
func (s sharing) Prefix() string                      { return "" }
func (s sharing) Ready(context.Context) error         { return fault.Unavailable }
func (s sharing) Handlers() []http.Handler            { return s.handlers }

func TestTwoVersionsOfARouteDoNotShareTheirKeys(t *testing.T) {
	mux := sharing{&listing{ServeMux: http.NewServeMux()}, idempotency.NewMemory()}
	route := rest.Route[*priceV1, *priceV1]{Pattern: "POST /prices/{id}", Keyed: true}
	for n, version := range []rest.Prefix{v1, v2} {
		route.Handle(version.Mux(mux), func(context.Context, *priceV1) (*priceV1, error) { return &priceV1{Price: n}, nil })
	}
	for n, path := range []string{"/v1/prices/7", "/v2/prices/7"} {
		for _, replayed := range []string{"", "true"} {
			w := ask(mux, "POST", path, "application/json", `{"price":1}`, "Idempotency-Key", "k-1")
			if w.Header().Get("Idempotency-Replayed") != replayed || strings.TrimSpace(w.Body.String()) != fmt.Sprintf(`{"price":%d}`, n) {
				t.Errorf("%s is answered with %d %s, replayed %q", path, w.Code, w.Body, w.Header().Get("Idempotency-Replayed"))
			}
		}
	}
}

func TestARouteWithinAPrefixIsOneOperationOnBothEnds(t *testing.T) {
	var served string
	mux := http.NewServeMux()
	setPriceV1.Handle(v1.Mux(mux), func(ctx context.Context, p *priceV1) (*priceV1, error) {
		served = call.Of(ctx).Operation.Name
		return p, nil
	})
	caller, _ := serve(t, mux)
	seen := &recording{Caller: caller}
	if _, err := setPriceV1.Endpoint(v1.Caller(seen))(t.Context(), &priceV1{ID: "a/b", Price: 1}); err != nil {
		t.Fatal(err)
	}
	if want := "POST /v1/prices/{id}"; served != want || seen.op.Name != want || !seen.op.Safe {
		t.Errorf("it is served as %q and called as %+v, want %q", served, seen.op, want)
	}
}

// recording is a caller that records the operation.
type recording struct {
	call.Caller
	op call.Operation
}

func (r *recording) Call(ctx context.Context, op call.Operation, send func(context.Context, string) error) error {
	r.op = op
	return r.Caller.Call(ctx, op, send)
}

func TestMiddlewaresOfAGroupRunForItsRoutesAlone(t *testing.T) {
	mux := &listing{ServeMux: http.NewServeMux()}
	var order []string
	named := func(name string) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				order = append(order, name)
				next.ServeHTTP(w, r)
			})
		}
	}
	get := rest.Route[item, endpoint.None]{Pattern: "GET /items/{id}"}
	answer := func(context.Context, item) (endpoint.None, error) { return endpoint.None{}, nil }
	get.Handle(mux, answer)
	get.Handle(rest.Prefix("").Mux(rest.Prefix("/tenants/{tenant}").Mux(mux, named("outer")), named("first"), named("second")), answer)
	if w := ask(mux, "GET", "/items/7", "", ""); w.Code != 204 || order != nil {
		t.Errorf("a route outside is answered with %d within %v", w.Code, order)
	}
	if w := ask(mux, "GET", "/tenants/t/items/7", "", ""); w.Code != 204 || !slices.Equal(order, []string{"outer", "first", "second"}) {
		t.Errorf("a route of the group is answered with %d within %v", w.Code, order)
	}
	text, _ := json.Marshal(rest.OpenAPI("x", "1", mux.handlers...)["paths"])
	if !strings.Contains(string(text), `"/tenants/{tenant}/items/{id}"`) {
		t.Errorf("the document has %s", text)
	}
}

func TestAGroupHasWhatItsMuxHas(t *testing.T) {
	outer := sharing{&listing{ServeMux: http.NewServeMux()}, idempotency.NewMemory()}
	outer.Handle("GET /", http.NotFoundHandler())
	inner, _ := v1.Mux(v2.Mux(outer)).(interface {
		IdempotencyStore() idempotency.Store
		Subject(*http.Request) string
		Prefix() string
		Handlers() []http.Handler
		Ready(context.Context) error
	})
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-User", "u-1")
	if inner == nil || inner.IdempotencyStore() != outer.store || inner.Subject(r) != "u-1" || inner.Prefix() != "/v2/v1" || len(inner.Handlers()) != 1 || !errors.Is(inner.Ready(t.Context()), fault.Unavailable) {
		t.Errorf("the group has %+v", inner)
	}
}

func TestForwardWithinAPrefixCallsBelowTheCallersOwn(t *testing.T) {
	var got string
	callee, _ := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RequestURI }))
	mux := http.NewServeMux()
	rest.Route[item, endpoint.None]{Pattern: "GET /items/{id}"}.Forward(v1.Mux(mux), v2.Caller(callee))
	if w := ask(mux, "GET", "/v1/items/a%2Fb", "", ""); w.Code != 200 || got != "/v2/items/a%2Fb" {
		t.Errorf("it is answered with %d, forwarded as %s", w.Code, got)
	}
}

func TestWhatIsNoPrefixIsRefused(t *testing.T) {
	caller := rest.Remote("http://10.0.0.1", nil)
	nothing := func(http.Handler) http.Handler { return nil }
	for name, use := range map[string]func(){
		"without a slash":     func() { rest.Prefix("v1").Mux(http.NewServeMux()) },
		"with one at its end": func() { rest.Prefix("/v1/").Mux(http.NewServeMux()) },
		"the root":            func() { rest.Prefix("/").Mux(http.NewServeMux()) },
		"for the whole rest":  func() { rest.Prefix("/{rest...}").Mux(http.NewServeMux()) },
		"malformed":           func() { rest.Prefix("/{").Mux(http.NewServeMux()) },
		"a variable called":   func() { rest.Prefix("/{tenant}").Caller(caller) },
		"without a mux":       func() { v1.Mux(nil) },
		"without a caller":    func() { v1.Caller(nil) },
		"a nil middleware":    func() { v1.Mux(http.NewServeMux(), nil) },
		"a nil handler": func() {
			setPriceV1.Handle(v1.Mux(http.NewServeMux(), nothing), func(_ context.Context, p *priceV1) (*priceV1, error) { return p, nil })
		},
		"a host": func() { v1.Mux(http.NewServeMux()).Handle("GET shop/x", http.NotFoundHandler()) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: it is accepted", name)
				}
			}()
			use()
		}()
	}
}
