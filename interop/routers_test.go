package interop_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/labstack/echo/v4"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

type orderID struct {
	ID string `path:"id" json:"-"`
}

type orderText struct {
	Text string `json:"text"`
}

var (
	Place = rest.Route[*orderText, *orderText]{Pattern: "POST /orders"}
	Get   = rest.Route[orderID, *orderText]{Pattern: "GET /orders/{id}"}
)

func place(_ context.Context, o *orderText) (*orderText, error) { return o, nil }

func get(_ context.Context, r orderID) (*orderText, error) {
	if r.ID == "none" {
		return nil, fault.NotFound.Errorf("no order has the id %q", r.ID)
	}
	return &orderText{Text: "order " + r.ID}, nil
}

// auth is a middleware as chi has them, and as net/http has.
func auth(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// onChi returns a router of chi that serves the routes under /v1.
func onChi() http.Handler {
	mux := http.NewServeMux()
	Place.Handle(mux, place)
	Get.Handle(mux, get)

	r := chi.NewRouter()
	r.With(auth).Mount("/v1", http.StripPrefix("/v1", rest.ProblemMux(mux)))
	return r
}

// onEcho returns an echo that serves the routes under /v1.
func onEcho() http.Handler {
	mux := http.NewServeMux()
	Place.Handle(mux, place)
	Get.Handle(mux, get)

	e := echo.New()
	v1 := e.Group("/v1", echo.WrapMiddleware(auth))
	v1.Any("/*", echo.WrapHandler(http.StripPrefix("/v1", rest.ProblemMux(mux))))
	return e
}

// requested returns the status and the body of an answer.
func requested(h http.Handler, method, path, body, authorization string) string {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return fmt.Sprintf("%d %s", w.Code, strings.TrimSpace(w.Body.String()))
}

func TestRoutesAreServedWithinOtherRouters(t *testing.T) {
	for name, router := range map[string]http.Handler{"chi": onChi(), "echo": onEcho()} {
		for _, c := range []struct{ method, path, body, authorization, want string }{
			{"POST", "/v1/orders", `{"text":"a"}`, "me", `200 {"text":"a"}`},
			{"POST", "/v1/orders", `{"text":7}`, "me", `400 {"type":"about:blank"`},
			{"POST", "/v1/orders", `{"text":"a"}`, "", `401 who are you?`},
			{"GET", "/v1/orders/7", "", "me", `200 {"text":"order 7"}`},
			{"GET", "/v1/orders/a%2Fb", "", "me", `200 {"text":"order a/b"}`},
			{"GET", "/v1/orders/a+b%20c", "", "me", `200 {"text":"order a+b c"}`},
			{"GET", "/v1/orders/none", "", "me", `404 {"type":"about:blank"`},
			{"HEAD", "/v1/orders/7", "", "me", `200 `},
			{"PUT", "/v1/orders/7", "", "me", `405 {"type":"about:blank"`},
			{"GET", "/v1/nothing", "", "me", `404 {"type":"about:blank"`},
		} {
			if got := requested(router, c.method, c.path, c.body, c.authorization); !strings.HasPrefix(got, c.want) {
				t.Errorf("%s: %s %s: %s, want %s", name, c.method, c.path, got, c.want)
			}
		}
	}
}

func TestARouterInAServiceIsAnOperation(t *testing.T) {
	for name, router := range map[string]http.Handler{"chi": onChi(), "echo": onEcho()} {
		trust := func(*http.Request) bool { return true }
		svc := sinew.New("shop", sinew.Config{Trust: trust})
		svc.Handle("/v1/", router)
		if got := requested(svc.Handler(), "GET", "/v1/orders/none", "", "me"); !strings.HasPrefix(got, "404 ") {
			t.Errorf("%s: %s", name, got)
		}
		const want = `sinew_server_requests_total{code="not_found",operation="/v1/",service="shop"} 1`
		if got := requested(svc.Handler(), "GET", "/metrics", "", ""); !strings.Contains(got, want) {
			t.Errorf("%s: the metrics have no %s", name, want)
		}
		if err := svc.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// A chi.Router has the method Handle of a rest.Mux, but is not quite a http.ServeMux.
func TestARouterOfChiIsAMuxForPlainPatterns(t *testing.T) {
	r := chi.NewRouter()
	Place.Handle(r, place)
	Get.Handle(r, get)
	for path, want := range map[string]string{
		"POST /orders":        `200 {"text":"a"}`,
		"GET /orders/7":       `200 {"text":"order 7"}`,
		"GET /orders/a%20b":   `200 {"text":"order a b"}`,
		"GET /orders/a%2Fb":   `200 {"text":"order a%2Fb"}`, // not decoded
		"HEAD /orders/7":      "405 ",
		"GET /orders/7/lines": "404 404 page not found",
	} {
		method, path, _ := strings.Cut(path, " ")
		if got := requested(r, method, path, `{"text":"a"}`, ""); got != want {
			t.Errorf("%s %s: %s, want %s", method, path, got, want)
		}
	}
}
