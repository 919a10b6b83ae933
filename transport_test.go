package sinew_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestCallsAreSentThroughTheConfiguredTransport(t *testing.T) {
	var asked string
	svc := sinew.New("web", sinew.Config{
		Static: map[string][]string{"stock": {"http://stock.test:80"}},
		Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
			asked = r.URL.String()
			answer := httptest.NewRecorder()
			rest.WriteError(answer, fault.NotFound.Errorf("no such thing"))
			return answer.Result(), nil
		}),
	})
	defer func() { _ = svc.Shutdown(context.Background()) }()
	get := rest.Route[rest.None, rest.None]{Pattern: "GET /things"}.Endpoint(svc.Client("stock"))
	if _, err := get(t.Context(), rest.None{}); !errors.Is(err, fault.NotFound) || asked != "http://stock.test:80/things" {
		t.Errorf("asked %q, got %v", asked, err)
	}
}
