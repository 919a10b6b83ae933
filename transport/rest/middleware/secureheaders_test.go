package middleware_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
	"github.com/sinew-go/sinew/transport/rest/middleware"
)

func TestEveryAnswerSaysWhatBrowsersMayDo(t *testing.T) {
	onBoth(t, handleProducts, []layer{middleware.SecureHeaders{}.Middleware()}, func(t *testing.T, url string) {
		for _, path := range []string{"/products/p-1", "/products/p-9", "/unknown"} {
			got := send(t, "GET", url+path, nil)
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Content-Security-Policy": "frame-ancestors 'none'",
				"Referrer-Policy": "no-referrer", "Strict-Transport-Security": "",
			} {
				if value := got.Header.Get(name); value != want {
					t.Errorf("%s has %s: %q, want %q", path, name, value, want)
				}
			}
		}
	})
}

func TestARefusedRangeSaysWhatBrowsersMayDo(t *testing.T) {
	type text struct {
		Body []byte `body:"text/plain"`
	}
	routes := func(mux rest.Mux) {
		rest.Route[endpoint.None, text]{Pattern: "GET /text"}.Handle(mux, func(context.Context, endpoint.None) (text, error) {
			return text{[]byte("abc")}, nil
		})
	}
	onBoth(t, routes, []layer{middleware.SecureHeaders{}.Middleware()}, func(t *testing.T, url string) {
		for _, header := range [][]string{{"Range", "bytes=7-"}, {"If-Match", `"v1"`}} {
			got := send(t, "GET", url+"/text", nil, header...)
			if value := got.Header.Get("X-Content-Type-Options"); got.StatusCode < 400 || value != "nosniff" {
				t.Errorf("%v is answered with %d and X-Content-Type-Options %q, want a refusal with nosniff", header, got.StatusCode, value)
			}
		}
	})
}

func TestAnAnswerOverTLSDemandsTLS(t *testing.T) {
	for want, policy := range map[string]middleware.SecureHeaders{
		"max-age=31536000": {}, "max-age=3600": {HSTS: time.Hour}, "": {HSTS: -1},
	} {
		server := httptest.NewTLSServer(policy.Middleware()(http.NotFoundHandler()))
		answer, err := server.Client().Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		server.Close()
		if got := answer.Header.Get("Strict-Transport-Security"); got != want {
			t.Errorf("with %s it is %q, want %q", policy.HSTS, got, want)
		}
	}
}

func TestAHeaderIsChangedOrLeftOut(t *testing.T) {
	policy := middleware.SecureHeaders{FrameOptions: "-", ContentSecurityPolicy: "default-src 'none'"}
	w := httptest.NewRecorder()
	policy.Middleware()(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Referrer-Policy", "origin") })).
		ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if h := w.Header(); h["X-Frame-Options"] != nil || h.Get("Content-Security-Policy") != "default-src 'none'" || h.Get("Referrer-Policy") != "origin" {
		t.Errorf("got %v", h)
	}
}

func TestAPolicyThatIsNoHeaderIsRefused(t *testing.T) {
	for _, policy := range []interface{ Validate() error }{
		middleware.SecureHeaders{FrameOptions: "ALLOW"}, middleware.SecureHeaders{ReferrerPolicy: "a\r\nb"},
		middleware.SecureHeaders{HSTS: time.Millisecond},
		middleware.Compression{MinSize: -1}, middleware.Decompression{MaxBody: -1}, middleware.ETag{MaxBody: -1},
	} {
		if err := policy.Validate(); !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("%+v is accepted: %v", policy, err)
		}
	}
}
