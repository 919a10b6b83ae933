package interop_test

// What docs/migrating-from-go-kit.md makes of the service in migrating_before_test.go.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-kit/kit/circuitbreaker"
	"github.com/go-kit/kit/ratelimit"
	kithttp "github.com/go-kit/kit/transport/http"
	"github.com/sony/gobreaker"
	"golang.org/x/time/rate"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry/consul"
	"github.com/sinew-go/sinew/transport/rest"
)

type ReserveRequest struct {
	ProductID string `path:"product_id" json:"-"`
	Quantity  int    `json:"quantity"`
}

func reserveEndpoint(s Service) endpoint.Endpoint[*ReserveRequest, *Stock] {
	return func(ctx context.Context, r *ReserveRequest) (*Stock, error) {
		stock, err := s.Reserve(ctx, r.ProductID, r.Quantity)
		return &stock, err
	}
}

// classified says of a domain error what it means to a caller. Others are internal.
func classified(next endpoint.Func) endpoint.Func {
	return func(ctx context.Context, request any) (any, error) {
		response, err := next(ctx, request)
		if errors.Is(err, errNoProduct) {
			err = fault.NotFound.Errorf("no product has this id").WithCause(err)
		}
		return response, err
	}
}

func wrappedAfter(e endpoint.Endpoint[*ReserveRequest, *Stock], limiter *rate.Limiter, cb *gobreaker.CircuitBreaker) endpoint.Endpoint[*ReserveRequest, *Stock] {
	e = e.With(circuitbreaker.Gobreaker(cb), ratelimit.NewErroringLimiter(limiter)) // the first is the outermost
	return e
}

var Reserve = rest.Route[*ReserveRequest, *Stock]{Pattern: "POST /inventory/{product_id}/reserve"}

func servedAfter(mux *http.ServeMux, s Service) {
	Reserve.Handle(mux, reserveEndpoint(s), classified)
}

func calledAfter(baseURL string, client *http.Client) endpoint.Endpoint[*ReserveRequest, *Stock] {
	reserve := Reserve.Endpoint(rest.Remote(baseURL, client))
	return reserve
}

func foundAfter() (endpoint.Endpoint[*ReserveRequest, *Stock], error) {
	reg, err := consul.New(consul.Config{Address: "127.0.0.1:8500"})
	if err != nil {
		return nil, err
	}
	svc := sinew.New("shop", sinew.Config{Registry: reg})
	reserve := Reserve.Endpoint(svc.Client("inventory"))
	return reserve, nil
}

// asJSON takes for JSON what does not say what it is, as curl -d does not. A form on
// any web page can send that, too: use it only where no browser brings credentials.
func asJSON(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if t := r.Header.Get("Content-Type"); t == "" || t == "application/x-www-form-urlencoded" {
			r.Header.Set("Content-Type", "application/json")
		}
		next.ServeHTTP(w, r)
	})
}

func TestAServiceMovesOverOneStepAtATime(t *testing.T) {
	calls := new(atomic.Int64)
	service := countingService{stockService{}, calls}

	// Typed, and with go-kit's middlewares and transport around it.
	typed := wrappedAfter(reserveEndpoint(service), rate.NewLimiter(rate.Inf, 1), gobreaker.NewCircuitBreaker(gobreaker.Settings{}))
	if got, err := typed(t.Context(), &ReserveRequest{"p-1", 2}); err != nil || got.Available != 8 {
		t.Fatalf("%+v %v", got, err)
	}
	decode := func(_ context.Context, r *http.Request) (any, error) {
		in := &ReserveRequest{ProductID: "p-1"}
		return in, json.NewDecoder(r.Body).Decode(in)
	}
	kit := httptest.NewServer(kithttp.NewServer(typed.Kit(), decode, kithttp.EncodeJSONResponse))
	defer kit.Close()
	if body, status := post(t, kit.URL, "application/json", `{"quantity":3}`); status != 200 || !strings.Contains(body, `"available":7`) {
		t.Errorf("through go-kit's transport: %d %s", status, body)
	}

	// A route at both ends.
	mux := http.NewServeMux()
	servedAfter(mux, service)
	server := httptest.NewServer(mux)
	defer server.Close()
	reserve := calledAfter(server.URL, server.Client())
	if got, err := reserve(t.Context(), &ReserveRequest{"p-1", 4}); err != nil || got.Available != 6 {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := reserve(t.Context(), &ReserveRequest{"p-9", 4}); !errors.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "no product has this id") {
		t.Errorf("%v", err)
	}
	if calls.Load() != 4 {
		t.Errorf("the service middleware saw %d calls of 4", calls.Load())
	}
	_, _, _ = wrappedBefore, foundBefore, foundAfter
}

func TestWhatClientsNoticeOfTheMove(t *testing.T) {
	before, after := http.NewServeMux(), http.NewServeMux()
	servedBefore(before, stockService{})
	servedAfter(after, stockService{})
	old, now := httptest.NewServer(before), httptest.NewServer(after)
	lenient := httptest.NewServer(asJSON(after))
	defer old.Close()
	defer now.Close()
	defer lenient.Close()
	oldURL, nowPath := old.URL+"/inventory/reserve", "/inventory/p-1/reserve"
	const form, js = "application/x-www-form-urlencoded", "application/json"
	for _, tt := range []struct {
		what, url, contentType, body string
		status                       int
		says                         string
	}{
		{"curl -d before", oldURL, form, `{"product_id":"p-1","quantity":2}`, 200, `"available":8`},
		{"curl -d now", now.URL + nowPath, form, `{"quantity":2}`, 415, "application/json"},
		{"curl -d now, with a header", now.URL + nowPath, js, `{"quantity":2}`, 200, `"available":8`},
		{"curl -d to asJSON", lenient.URL + nowPath, form, `{"quantity":2}`, 200, `"available":8`},
		{"malformed before", oldURL, js, `{`, 500, "unexpected EOF"},
		{"malformed now", now.URL + nowPath, js, `{`, 400, `"code":"invalid_argument"`},
		{"two values before", oldURL, js, `{"product_id":"p-1","quantity":2}{}`, 200, `"available":8`},
		{"two values now", now.URL + nowPath, js, `{"quantity":2}{}`, 400, `"code":"invalid_argument"`},
		{"a failure before", oldURL, js, `{"product_id":"p-9"}`, 200, `"available":0`},
		{"a failure now", now.URL + "/inventory/p-9/reserve", js, `{}`, 404, `"code":"not_found"`},
	} {
		if body, status := post(t, tt.url, tt.contentType, tt.body); status != tt.status || !strings.Contains(body, tt.says) {
			t.Errorf("%s: %d %s", tt.what, status, body)
		}
	}
	target, err := url.Parse(oldURL)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := calledBefore(target)(t.Context(), reserveRequest{"p-1", 2}); err != nil || got.(reserveResponse).Available != 8 {
		t.Errorf("%+v %v", got, err)
	}
	http.DefaultClient.CloseIdleConnections()
}

func post(t *testing.T, url, contentType, body string) (answer string, status int) {
	t.Helper()
	w, err := http.Post(url, contentType, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), w.StatusCode
}
