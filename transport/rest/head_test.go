package rest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestAHeadFailsAsAGetDoes(t *testing.T) {
	type request struct {
		ID string `path:"id" json:"-"`
	}
	var next error
	get := rest.Route[*request, *Stock]{Pattern: "GET /stock/{id}"}
	backend := http.NewServeMux()
	get.Handle(backend, func(context.Context, *request) (*Stock, error) { return nil, next })
	backend.HandleFunc("GET /plain", func(w http.ResponseWriter, _ *http.Request) { rest.WriteError(w, next) })
	caller, server := serve(t, rest.ReadMetadata(nil)(rest.ProblemMux(backend)))
	gateway := http.NewServeMux()
	get.Forward(gateway, caller)
	head := rest.Route[*request, endpoint.None]{Pattern: "HEAD /stock/{id}"}.Endpoint(caller)
	plain := rest.Route[endpoint.None, endpoint.None]{Pattern: "HEAD /plain"}.Endpoint(caller)
	nowhere := rest.Route[endpoint.None, endpoint.None]{Pattern: "HEAD /nowhere"}.Endpoint(caller)
	for code := fault.Canceled; code <= fault.Unauthenticated; code++ {
		next = code.Errorf("warum? – „é“ 😀 \x7f").WithReason("rule").WithRetryAfter(1500 * time.Millisecond).WithRepeated()
		for _, c := range []struct {
			name string
			call func() error
		}{
			{name: "HEAD of a route", call: func() error { _, err := head(t.Context(), &request{ID: "p"}); return err }},
			{name: "HEAD of rest.WriteError", call: func() error { _, err := plain(t.Context(), endpoint.None{}); return err }},
		} {
			var got, want *fault.Error
			if err := c.call(); !errors.As(err, &got) || !errors.As(next, &want) || got.Code != code || got.Message != want.Message || got.Reason != want.Reason || got.RetryAfter != want.RetryAfter || !got.Repeated {
				t.Errorf("%s: %v arrived as %#v", c.name, code, err)
			}
		}
		var heard [2][]error
		for i, method := range []string{"GET", "HEAD"} {
			w := &reportingWriter{ResponseWriter: httptest.NewRecorder()}
			r, _ := http.NewRequestWithContext(t.Context(), method, "/stock/p", nil)
			gateway.ServeHTTP(w, r)
			heard[i] = w.failures
		}
		if len(heard[0]) != 1 || len(heard[1]) != 1 || !reflect.DeepEqual(fault.ProblemOf(heard[0][0]), fault.ProblemOf(heard[1][0])) {
			t.Errorf("through a gateway GET is %v, HEAD %v", heard[0], heard[1])
		}
	}
	if _, err := nowhere(t.Context(), endpoint.None{}); !errors.Is(err, fault.Unimplemented) || !fault.IsUnprocessed(err) {
		t.Errorf("an unknown path: %v", err)
	}
	answer, err := server.Client().Head(server.URL + "/plain")
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if text := answer.Header.Get("X-Problem"); strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) || !strings.Contains(text, `"code":"unauthenticated"`) {
		t.Error(text)
	}
	if answer, err = server.Client().Get(server.URL + "/plain"); err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.Header.Get("X-Problem") != "" {
		t.Error("an answer with a body has the document twice")
	}
}
