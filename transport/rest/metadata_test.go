package rest_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestARequestWithAPassedDeadlineDoesNotRun(t *testing.T) {
	ran := false
	mux := http.NewServeMux()
	route := rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /x"}
	route.Handle(mux, func(context.Context, endpoint.None) (endpoint.None, error) { ran = true; return endpoint.None{}, nil })
	caller, _ := serve(t, mux)
	gateway := http.NewServeMux()
	route.Forward(gateway, caller)
	for _, c := range []struct {
		name string
		h    http.Handler
	}{
		{name: "route", h: mux},
		{name: "gateway", h: gateway},
		{name: "behind Accept", h: rest.ReadMetadata(nil)(mux)},
	} {
		for _, text := range []string{"0s", "0", "-5s", "-2562047h"} {
			ran = false
			w := ask(c.h, "GET", "/x", "", "", "X-Request-Timeout", text)
			if p := problemOf(t, w); ran || p.Status != 504 || p.Code != "deadline_exceeded" || !p.Unprocessed {
				t.Errorf("%s: %q ran %v, %+v", c.name, text, ran, p)
			}
		}
		for _, text := range []string{"soon", "5", "9999999999h", "2562047h47m16.8s"} {
			ran = false
			if w := ask(c.h, "GET", "/x", "", "", "X-Request-Timeout", text); !ran || w.Code != 204 {
				t.Errorf("%s: %q ran %v, %d", c.name, text, ran, w.Code)
			}
		}
	}
}

// values is a context that cannot be compared, as a middleware of the user may make one.
type values struct {
	context.Context
	all map[string]any
}

func TestARouteRunsInAContextThatCannotBeCompared(t *testing.T) {
	mux := http.NewServeMux()
	rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /x"}.Handle(mux, func(context.Context, endpoint.None) (endpoint.None, error) { return endpoint.None{}, nil })
	within := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, r.WithContext(values{r.Context(), map[string]any{}}))
	})
	if w := ask(within, "GET", "/x", "", ""); w.Code != 204 {
		t.Errorf("the answer is %d, want 204", w.Code)
	}
}

func TestRetryAfterIsReadInBothForms(t *testing.T) {
	header := ""
	caller, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", header)
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	call := rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /x"}.Endpoint(caller)
	at := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	for _, c := range []struct {
		text string
		want [2]time.Duration
	}{
		{text: "7", want: [2]time.Duration{7 * time.Second, 7 * time.Second}},
		{text: at(time.Hour), want: [2]time.Duration{time.Second, time.Hour}},
		{text: at(-time.Hour), want: [2]time.Duration{0, 0}},
		{text: "-7", want: [2]time.Duration{0, 0}},
		{text: "soon", want: [2]time.Duration{0, 0}},
		{text: "99999999", want: [2]time.Duration{24 * time.Hour, 24 * time.Hour}},
		{text: at(99 * time.Hour), want: [2]time.Duration{24 * time.Hour, 24 * time.Hour}},
		{text: "Fri, 31 Dec 9999 23:59:59 GMT", want: [2]time.Duration{24 * time.Hour, 24 * time.Hour}},
		{text: "Mon, 01 Jan 0001 00:00:00 GMT", want: [2]time.Duration{0, 0}},
	} {
		header = c.text
		_, err := call(t.Context(), endpoint.None{})
		if got := fault.RetryAfter(err); got < c.want[0] || got > c.want[1] {
			t.Errorf("%q: %s, want from %s to %s", c.text, got, c.want[0], c.want[1])
		}
	}
}
