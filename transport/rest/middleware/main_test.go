package middleware_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type layer = func(http.Handler) http.Handler

type product struct {
	ID    string `path:"id" json:"-"`
	Name  string `json:"name"`
	Notes string `json:"notes"`
}

var (
	getProduct = rest.Route[struct {
		ID string `path:"id" json:"-"`
	}, *product]{Pattern: "GET /products/{id}"}
	putProduct = rest.Route[*product, *product]{Pattern: "PUT /products/{id}"}
)

func handleProducts(mux rest.Mux) {
	getProduct.Handle(mux, func(_ context.Context, r struct {
		ID string `path:"id" json:"-"`
	}) (*product, error) {
		if r.ID == "p-9" {
			return nil, fault.NotFound.Errorf("no product has the id %q", r.ID)
		}
		return &product{Name: "table", Notes: longText}, nil
	})
	putProduct.Handle(mux, func(_ context.Context, p *product) (*product, error) { return p, nil })
}

// onBoth runs a test with the routes and patterns of register on a ServeMux and on a
// Service, within layers.
func onBoth(t *testing.T, register func(rest.Mux), layers []layer, test func(t *testing.T, url string)) {
	t.Run("ServeMux", func(t *testing.T) {
		mux := http.NewServeMux()
		register(mux)
		var h http.Handler = mux
		for i := len(layers) - 1; i >= 0; i-- {
			h = layers[i](h)
		}
		server := httptest.NewServer(h)
		defer server.Close()
		defer http.DefaultClient.CloseIdleConnections()
		test(t, server.URL)
	})
	t.Run("Service", func(t *testing.T) {
		svc := servicetest.New(t, sinew.Config{})
		register(svc)
		svc.Use(layers...)
		servicetest.Start(t, svc)
		defer http.DefaultClient.CloseIdleConnections()
		test(t, svc.URL())
	})
}

type reply struct {
	*http.Response
	text string
}

// send sends a request whose header has these names and values. A transport that is asked
// to would add an encoding of its own, so that it is asked for none.
func send(t *testing.T, method, url string, body io.Reader, header ...string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "identity")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{answer, string(text)}
}
