package e2e_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/internal/servicetest"
)

// proxies are kinds of proxies in front of a service on its own machine, each with its
// minimal configuration.
func proxies(t *testing.T, to string) map[string]string {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, c := range []struct {
		name string
		p    http.Handler
	}{
		{name: "Rewrite, the target's host", p: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}},
		{name: "Rewrite, the stranger's host", p: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host }}},
		{name: "as nginx does", p: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			out := r.Clone(r.Context())
			out.URL.Scheme, out.URL.Host, out.Host, out.RequestURI, out.Close = target.Scheme, target.Host, target.Host, "", true
			answer, err := http.DefaultTransport.RoundTrip(out)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = answer.Body.Close() }()
			w.WriteHeader(answer.StatusCode)
			_, _ = io.Copy(w, answer.Body)
		})},
	} {
		server := httptest.NewServer(c.p)
		t.Cleanup(server.Close)
		all[c.name] = server.URL
	}
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	return all
}

func TestNobodyIsTrustedThroughAProxyOnTheSameMachine(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", ":0", "localhost:0"} {
		svc, got := trustRecorder(t, sinew.Config{Addr: addr})
		servicetest.Start(t, svc)
		for name, at := range proxies(t, svc.URL()) {
			if status, _, body := servicetest.Get(t, at+"/metrics"); status != 403 || strings.Contains(body, "sinew_") {
				t.Errorf("at %s, %s: /metrics: %d %s", addr, name, status, body)
			}
			r, err := http.NewRequestWithContext(t.Context(), "GET", at+"/look", nil)
			if err != nil {
				t.Fatal(err)
			}
			claimMuch(r).Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if call := <-got; call.From != "" || call.Priority != 0 || call.Repeated {
				t.Errorf("at %s, %s: %+v", addr, name, call)
			}
		}
	}
}
