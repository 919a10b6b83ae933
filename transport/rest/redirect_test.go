package rest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestARedirectIsFollowedWithinTheOriginOnly(t *testing.T) {
	type request struct {
		Key string `header:"X-Api-Key" json:"-"`
	}
	var stranger atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		stranger.Add(1)
		_, _ = w.Write([]byte(`{"product_id":"foreign"}`))
	}))
	defer elsewhere.Close()
	var to string
	mux := http.NewServeMux()
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) })
	mux.HandleFunc("/here", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{"product_id":"` + r.Header.Get("X-Api-Key") + `"}`))
	})
	mux.HandleFunc("/twice", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusPermanentRedirect)
	})
	caller, server := serve(t, mux)
	call := rest.Route[*request, *Stock]{Pattern: "GET /moved"}.Endpoint(caller)
	for _, c := range []struct {
		target string
		want   string
	}{
		{target: "/here", want: "k-1"},
		{target: server.URL + "/here", want: "k-1"},
		{target: strings.ToUpper(server.URL[:4]) + server.URL[4:] + "/here", want: "k-1"},
		{target: elsewhere.URL + "/here", want: ""},
		{target: strings.Replace(server.URL, "http", "https", 1) + "/here", want: ""},
		{target: "/twice", want: ""},
		{target: "//" + strings.TrimPrefix(elsewhere.URL, "http://") + "/", want: ""},
		{target: strings.Replace(server.URL, "127.0.0.1", "localhost", 1) + "/here", want: ""},
	} {
		to = c.target
		got, err := call(context.Background(), &request{Key: "k-1"})
		if c.want == "" && (err == nil || !strings.Contains(err.Error(), "redirect")) || c.want != "" && (err != nil || got.ProductID != c.want) {
			t.Errorf("to %s: %+v, %v", c.target, got, err)
		}
	}
	if stranger.Load() != 0 {
		t.Errorf("%d requests went to a stranger", stranger.Load())
	}
}

func TestALoopOfRedirectsIsTheCalleesFailure(t *testing.T) {
	asked := 0
	caller, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.Redirect(w, r, "/x", http.StatusFound)
	}))
	_, err := rest.Route[endpoint.None, *Stock]{Pattern: "GET /x"}.Endpoint(caller)(t.Context(), endpoint.None{})
	if fault.CodeOf(err) != fault.Internal || !strings.Contains(err.Error(), "after 10 redirects") || asked != 10 {
		t.Errorf("%v after %d requests", err, asked)
	}
}
