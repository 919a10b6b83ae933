package rest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/transport/rest"
)

type tokenRequest struct {
	Token string `query:"token"`
}

func TestErrorsShowNoQueryAndNoPassword(t *testing.T) {
	route := rest.Route[*tokenRequest, endpoint.None]{Pattern: "GET /x"}
	for _, addr := range []string{"http://127.0.0.1:1", "http://me:hunter2@127.0.0.1:1", "http://hunter2@127.0.0.1:1", "http://me:hunter2%zz@127.0.0.1:1", "http://me:hunter2@[::1"} {
		_, err := route.Endpoint(rest.Remote(addr, nil))(t.Context(), &tokenRequest{Token: "hunter2"})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", addr, err)
		}
		mux := &logged{ServeMux: http.NewServeMux()}
		route.Forward(mux, rest.Remote(addr, nil))
		handled := rest.Route[endpoint.None, endpoint.None]{Pattern: "POST /handled"}
		handled.Handle(mux, func(ctx context.Context, _ endpoint.None) (endpoint.None, error) {
			return route.Endpoint(rest.Remote(addr, nil))(ctx, &tokenRequest{Token: "hunter2"})
		})
		for _, w := range []string{ask(mux, "GET", "/x?token=hunter2", "", "").Body.String(), ask(mux, "POST", "/handled", "", "").Body.String()} {
			if strings.Contains(w, "hunter2") {
				t.Errorf("%s: the caller reads %s", addr, w)
			}
		}
		if text := mux.buffer.String(); strings.Contains(text, "hunter2") || strings.Count(text, "level=WARN") != 2 {
			t.Errorf("%s: the log says %s", addr, text)
		}
	}
}
