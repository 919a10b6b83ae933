package sinew_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest/api"
	"github.com/sinew-go/sinew/internal/servicetest/stock"
	"github.com/sinew-go/sinew/transport/rest"
)

// audited logs who asked for what. It works on endpoints of all types.
func audited(log *slog.Logger) endpoint.Middleware {
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			response, err := next(ctx, request)
			if r := call.Of(ctx); r != nil {
				log.InfoContext(ctx, "audit", "operation", r.Operation.Name, "subject", r.Subject, "error", err)
			}
			return response, err
		}
	}
}

type tenantKey struct{}

// byAPIKey lets those in who have a key. tenants has the owners of keys by the
// keys' SHA-256, so that neither memory nor timing tells a key.
func byAPIKey(tenants map[[32]byte]string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			tenant, known := tenants[sha256.Sum256([]byte(r.Header.Get("X-Api-Key")))]
			switch {
			case known:
				r = r.WithContext(context.WithValue(r.Context(), tenantKey{}, tenant))
			case r.URL.Path != "/healthz" && r.URL.Path != "/readyz": // which a load balancer asks
				rest.WriteError(w, fault.Unauthenticated.Errorf("X-Api-Key is missing or unknown"))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// tenantOf is the owner of the key that a request came with.
func tenantOf(r *http.Request) string {
	tenant, _ := r.Context().Value(tenantKey{}).(string)
	return tenant
}

func tourOfKeys(tenants map[[32]byte]string) *sinew.Service {
	svc := sinew.New("inventory", sinew.Config{Subject: tenantOf})
	svc.Use(byAPIKey(tenants))
	api.Reserve.Handle(svc, stock.Reserve)
	return svc
}

func tourOfGateways() {
	svc := sinew.New("gateway", sinew.Config{
		Static:  map[string][]string{"inventory": {"http://10.0.0.1:8080", "http://10.0.0.2:8080"}},
		Clients: map[string]sinew.ClientPolicy{"inventory": {Timeout: 2 * time.Second}},
	})
	inventory := svc.Client("inventory")
	for _, route := range []rest.Forwarder{api.Reserve, api.GetStock} {
		route.Forward(svc, inventory)
	}
	svc.Main()
}

func tourOfTimeouts(ctx context.Context, svc *sinew.Service, request *api.ReserveRequest) error {
	api.Reserve.Handle(svc, stock.Reserve, endpoint.Timeout(500*time.Millisecond)) // of the handler

	reserve := api.Reserve.Endpoint(svc.Client("inventory")) // ClientPolicy.Timeout: 10 s for all attempts together
	ctx, cancel := context.WithTimeout(ctx, time.Second)     // of this call, where that is less
	defer cancel()
	_, err := reserve(ctx, request)
	return err
}

func TestAnAPIKeyAdmitsOnlyItsOwner(t *testing.T) {
	svc := tourOfKeys(map[[32]byte]string{sha256.Sum256([]byte("k-acme")): "acme"})
	defer svc.Shutdown(context.Background())
	ask := func(method, path, key string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(`{"quantity":2}`))
		r.Header.Set("Content-Type", "application/json")
		if key != "" {
			r.Header.Set("X-Api-Key", key)
		}
		w := httptest.NewRecorder()
		svc.Handler().ServeHTTP(w, r)
		return w
	}
	for _, tt := range []struct {
		method, path, key string
		status            int
	}{
		{"POST", "/inventory/p-1/reserve", "k-acme", 200},
		{"POST", "/inventory/p-1/reserve", "k-other", 401},
		{"POST", "/inventory/p-1/reserve", "", 401},
		{"GET", "/openapi.json", "", 401},
		{"GET", "/nowhere", "", 401},
		{"GET", "/healthz", "", 200},
	} {
		if w := ask(tt.method, tt.path, tt.key); w.Code != tt.status {
			t.Errorf("%+v: %d %s", tt, w.Code, w.Body)
		}
	}
}

func TestAUsersMiddlewareSeesTheCall(t *testing.T) {
	var lines bytes.Buffer
	svc := sinew.New("inventory", sinew.Config{
		Subject: func(*http.Request) string { return "acme" }, Logger: slog.New(slog.DiscardHandler),
	})
	defer svc.Shutdown(context.Background())
	api.GetStock.Handle(svc, stock.Get, audited(slog.New(slog.NewTextHandler(&lines, nil))))
	w := httptest.NewRecorder()
	svc.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/inventory/p-1", nil))
	if w.Code != 200 || !strings.Contains(lines.String(), `operation="GET /inventory/{product_id}" subject=acme error=<nil>`) {
		t.Errorf("%d, %s", w.Code, lines.String())
	}
}

// What a middleware sees, and what it does not.
func TestMiddlewaresRunAfterValidateAndSeeNoHeaders(t *testing.T) {
	seen := 0
	sees := func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			seen++
			if _, typed := request.(*api.ReserveRequest); !typed {
				t.Errorf("it sees a %T", request)
			}
			return next(ctx, request)
		}
	}
	mux := http.NewServeMux()
	api.Reserve.Handle(mux, stock.Reserve, sees)
	for body, status := range map[string]int{`{"quantity":2}`: 200, `{"quantity":0}`: 400, `{`: 400} {
		r := httptest.NewRequest("POST", "/inventory/p-1/reserve", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	if seen != 1 {
		t.Errorf("it saw %d requests of three, of which one is well formed", seen)
	}
}

func ExampleService_Use() {
	svc := tourOfKeys(map[[32]byte]string{sha256.Sum256([]byte("k-acme")): "acme"})
	defer svc.Shutdown(context.Background())
	for _, key := range []string{"k-acme", "guessed"} {
		r := httptest.NewRequest("POST", "/inventory/p-1/reserve", strings.NewReader(`{"quantity":2}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Api-Key", key)
		w := httptest.NewRecorder()
		svc.Handler().ServeHTTP(w, r)
		fmt.Println(w.Code, strings.Contains(w.Body.String(), "X-Api-Key is missing or unknown"))
	}
	_, _ = tourOfGateways, tourOfTimeouts
	// Output:
	// 200 false
	// 401 true
}
