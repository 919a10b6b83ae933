package rest_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"testing"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// allRoutes serves routes of every kind to any caller.
func allRoutes() http.Handler {
	type counted struct {
		N    int    `path:"n" json:"-"`
		Only []bool `query:"only" json:"-"`
	}
	type named struct {
		Rest string `path:"rest" json:"-"`
		Age  *int8  `cookie:"age" json:"-"`
	}
	mux := http.NewServeMux()
	rest.Route[*counted, *counted]{Pattern: "GET /{n}"}.Handle(mux, func(_ context.Context, r *counted) (*counted, error) { return r, nil })
	rest.Route[*named, endpoint.None]{Pattern: "PUT /a/{rest...}"}.Handle(mux, func(context.Context, *named) (endpoint.None, error) { return endpoint.None{}, nil })
	Reserve.Handle(mux, func(context.Context, *ReserveRequest) (*Stock, error) { return &Stock{}, nil })
	rest.Route[endpoint.None, endpoint.None]{Pattern: "DELETE /a/b/{$}"}.Handle(mux, func(context.Context, endpoint.None) (endpoint.None, error) { return endpoint.None{}, nil })
	mux.Handle("shop.example/b/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	return rest.ReadMetadata(func(*http.Request) bool { return true })(rest.ProblemMux(mux))
}

// sendMalformed sends h a request that no client of ours would send. The answer must be a
// success, a redirect to a clean path, or a problem that is not the service's failure.
func sendMalformed(t *testing.T, h http.Handler, method, path, query, host, name string) {
	t.Helper()
	w := httptest.NewRecorder()
	r := &http.Request{
		Method: method, URL: &url.URL{Path: path, RawQuery: query}, Host: host, RequestURI: path, Body: http.NoBody,
		Header: http.Header{"X-Service-Name": {name}, "X-Request-Id": {name}, "X-Request-Priority": {name}, "Traceparent": {name}, "Cookie": {"age=" + name}},
	}
	h.ServeHTTP(w, r)
	if w.Code < 400 {
		return
	}
	var p fault.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code || p.Detail == "" || w.Code == 500 {
		t.Errorf("%q %q?%q at %q by %q: %d %s", method, path, query, host, name, w.Code, w.Body)
	}
}

func FuzzStranger(f *testing.F) {
	for _, seed := range [][5]string{
		{"GET", "/1", "only=true&only=maybe", "shop.example", "cart"}, {"POST", "/inventory/p/reserve", "", "", ""}, {"", "", "", "", ""},
		{"PUT", "/a/../../b//c", "%zz", "shop.example:80", "é"}, {"CONNECT", "*", "a;b", "[::1", "\x00"}, {"get", "/\xff", "\xff", "\xff", "\xff"},
		{"OPTIONS", "*", "", "a b", "a\nb"}, {"DELETE", "/a/b/", "", "SHOP.example.", ""}, {"GET", "*", "0", "0", "0"}, {"HEAD", "//", "", "shop.example:x", ""}, {"POST", "/{n}", "", "{n}", "{n}"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4])
	}
	h := allRoutes()
	f.Fuzz(func(t *testing.T, method, path, query, host, name string) {
		sendMalformed(t, h, method, path, query, host, name)
	})
}

func TestMalformedRequestsNeitherBreakNorFillAService(t *testing.T) {
	pieces := []string{"/", "/", "/", "a", "b", "inventory/", "reserve", "shop.example", "..", "%2F", "%", "?", "{n}", "{$}", "*", ":80", " ", "\x00", "\n", "é", "\xff", "7"}
	random := rand.New(rand.NewPCG(1, 2))
	text := func(lead string) string {
		for range random.IntN(8) {
			lead += pieces[random.IntN(len(pieces))]
		}
		return lead
	}
	methods := []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "BREW"}
	h := allRoutes()
	ask := func(requests int) (objects int64) {
		for range requests {
			method := methods[random.IntN(len(methods))]
			if random.IntN(10) == 0 {
				method = text("M")
			}
			sendMalformed(t, h, method, text("/"), text(""), text(""), text(""))
		}
		runtime.GC()
		runtime.GC() // the second run frees the pools
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapObjects)
	}
	const requests = 20_000
	before := ask(requests / 10)
	if after := ask(requests); after-before > requests/20 {
		t.Errorf("%d requests of strangers left %d objects behind", requests, after-before)
	}
}
