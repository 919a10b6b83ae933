package e2e_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/transport/rest"
)

// connectionCloser answers, but closes the connection of every second request once it has
// read that.
type connectionCloser struct{ requests atomic.Int64 }

func (c *connectionCloser) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if c.requests.Add(1)%2 == 1 {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

func TestResendsOfNetHTTPAreInTheTrail(t *testing.T) {
	h := &connectionCloser{}
	mux := http.NewServeMux()
	mux.Handle("/x", h)
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/here", http.StatusFound) })
	mux.HandleFunc("/here", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	server := httptest.NewServer(mux)
	defer server.Close()
	svc := sinew.New("caller", servicetest.Local(sinew.Config{Static: map[string][]string{"callee": {server.URL}}, Transport: server.Client().Transport}))
	call := rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /x"}.Endpoint(svc.Client("callee"))
	if _, err := call(t.Context(), endpoint.None{}); err != nil {
		t.Fatal(err)
	}
	ctx, why := sinew.Explain(t.Context())
	if _, err := call(ctx, endpoint.None{}); err != nil {
		t.Fatal(err)
	}
	if h.requests.Load() != 3 {
		t.Fatalf("%d requests came: net/http has changed", h.requests.Load())
	}
	if text := why.String(); !strings.Contains(text, "net/http sent the request again") {
		t.Error(text)
	}
	ctx, why = sinew.Explain(t.Context())
	if _, err := (rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /moved"}).Endpoint(svc.Client("callee"))(ctx, endpoint.None{}); err != nil || strings.Contains(why.String(), "again") {
		t.Errorf("a redirect: %v, %s", err, why)
	}
	if err := svc.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
