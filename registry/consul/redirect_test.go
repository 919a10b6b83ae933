package consul

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
)

func TestTheTokenStaysWithTheAgent(t *testing.T) {
	var stranger, moved atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stranger.Add(1)
		_, _ = w.Write([]byte("[]"))
	}))
	defer elsewhere.Close()
	for _, tt := range []struct {
		name   string
		target string
	}{
		{name: "elsewhere", target: elsewhere.URL},
		{name: "the agent itself", target: ""},
	} {
		agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("moved") {
				moved.Add(1)
				if r.Header.Get("X-Consul-Token") != "secret" {
					t.Errorf("%s: the token is %q", tt.name, r.Header.Get("X-Consul-Token"))
				}
				_, _ = w.Write([]byte("[]"))
				return
			}
			http.Redirect(w, r, tt.target+r.URL.Path+"?moved=1", http.StatusTemporaryRedirect)
		}))
		defer agent.Close()
		c := Config{Address: agent.URL, Token: "secret"}
		transport := newTransport(c)
		defer transport.CloseIdleConnections()
		r, err := newRegistry(c, transport)
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Services(t.Context())
		if tt.target != "" && !errors.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v", tt.name, err)
		}
		err = r.Register(t.Context(), registry.Instance{ID: "web-1", Name: "web", Endpoint: "http://10.0.0.1:80"})
		if tt.target != "" && !errors.Is(err, fault.Unavailable) {
			t.Errorf("%s, a write: %v", tt.name, err)
		}
		_ = r.Close()
	}
	if stranger.Load() != 0 || moved.Load() == 0 {
		t.Errorf("%d requests went to a stranger, %d to where the agent said", stranger.Load(), moved.Load())
	}
}
