package gin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/idempotency"
	"github.com/sinew-go/sinew/limit"
	sinewgin "github.com/sinew-go/sinew/transport/gin"
	"github.com/sinew-go/sinew/transport/rest"
)

// newService returns a service and what its log has.
func newService(t *testing.T, c sinew.Config) (*sinew.Service, *bytes.Buffer) {
	log := new(bytes.Buffer)
	c.Logger, c.Trust = slog.New(slog.NewTextHandler(log, nil)), func(*http.Request) bool { return true }
	svc := sinew.New("shop", c)
	t.Cleanup(func() { _ = svc.Shutdown(context.Background()) })
	return svc, log
}

// operations returns the operations that a service has counted requests of, each with the
// code of its result.
func operations(t *testing.T, svc *sinew.Service) (all []string) {
	for line := range strings.Lines(ask(t, svc.Handler(), "GET /metrics").body) {
		if labels, ok := strings.CutPrefix(line, "sinew_server_requests_total{"); ok {
			all = append(all, strings.TrimSpace(strings.ReplaceAll(labels, `service="shop"`, "")))
		}
	}
	return all
}

func failing(_ context.Context, o byID) (endpoint.None, error) {
	return endpoint.None{}, fault.FailedPrecondition.Errorf("order %s is closed", o.ID).WithReason("closed")
}

func TestAServiceLearnsOfFailuresBehindGin(t *testing.T) {
	hiding := func(c *gin.Context) { c.Writer = struct{ gin.ResponseWriter }{c.Writer} } // has no Unwrap
	for _, c := range []struct {
		name        string
		middleware  gin.HandlerFunc
		code, error string
	}{
		{"the writer of Gin", func(*gin.Context) {}, "failed_precondition", "order 7 is closed"},
		{"a writer without Unwrap", hiding, "invalid_argument", "400"},
	} {
		svc, log := newService(t, sinew.Config{AccessLog: true})
		engine := gin.New()
		engine.Use(c.middleware)
		rest.Route[byID, endpoint.None]{Pattern: "GET /orders/{id}"}.Handle(sinewgin.On(engine), failing)
		svc.Handle("/", engine)
		if got := ask(t, svc.Handler(), "GET /orders/7"); !strings.Contains(got.body, "order 7 is closed") || got.header.Get("X-Request-Id") == "" {
			t.Errorf("%s: the caller gets %s", c.name, got)
		}
		if got, want := operations(t, svc), []string{`code="` + c.code + `",operation="/",} 1`}; !slices.Equal(got, want) {
			t.Errorf("%s: the service counts %q, want %q", c.name, got, want)
		}
		if !strings.Contains(log.String(), c.error) {
			t.Errorf("%s: the log has no %q: %s", c.name, c.error, log)
		}
	}
}

func TestRoutesWithinAServiceAreItsOperations(t *testing.T) {
	svc, _ := newService(t, sinew.Config{})
	engine := gin.New(sinewgin.LikeServeMux)
	engine.GET("/v1/plain", func(c *gin.Context) { c.Status(http.StatusNoContent) })
	v1 := sinewgin.On(engine.Group("/v1", auth)).Within(svc, engine)
	var seen call.Record
	rest.Route[byID, endpoint.None]{Pattern: "GET /orders/{id}"}.Handle(v1, func(ctx context.Context, _ byID) (endpoint.None, error) {
		seen = *call.Of(ctx)
		return endpoint.None{}, nil
	})
	rest.Route[byID, endpoint.None]{Pattern: "DELETE /orders/{id}"}.Handle(v1, failing)
	svc.Handle("/", engine)

	const token = "\nAuthorization: Bearer secret"
	for request, want := range map[string]int{
		"GET /v1/orders/a%2Fb" + token: 204, "DELETE /v1/orders/7" + token: 400, "GET /v1/plain": 204, "GET /v1/orders/7": 401,
		"PATCH /v1/orders/7" + token: 405, "GET /v1/orders/" + token: 404,
	} {
		if got := ask(t, svc.Handler(), request+"\nX-Service-Name: till"); got.status != want {
			t.Errorf("%s: %s, want %d", request, got, want)
		}
	}
	if seen.Operation.Service != "shop" || seen.From != "till" {
		t.Errorf("the record of the call is %+v, want that of the service", seen)
	}
	want := []string{
		`code="failed_precondition",operation="DELETE /v1/orders/{id}",} 1`,
		`code="not_found",operation="/",} 1`,
		`code="ok",operation="/",} 1`,
		`code="ok",operation="GET /v1/orders/{id}",} 1`,
		`code="unauthenticated",operation="GET /v1/orders/{id}",} 1`,
		`code="unimplemented",operation="/",} 1`,
	}
	got := operations(t, svc)
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("the service counts\n%s, want\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	var doc struct{ Paths map[string]map[string]any }
	if err := json.Unmarshal([]byte(ask(t, svc.Handler(), "GET /openapi.json").body), &doc); err != nil {
		t.Fatal(err)
	}
	methods := slices.Sorted(maps.Keys(doc.Paths["/v1/orders/{id}"]))
	if len(doc.Paths) != 1 || !slices.Equal(methods, []string{"delete", "get"}) {
		t.Errorf("/openapi.json has %v, want GET and DELETE of /v1/orders/{id}", doc.Paths)
	}
}

// asked is a store that counts its uses.
type asked struct {
	idempotency.Store
	claims int
}

func (a *asked) Claim(ctx context.Context, key string, fingerprint []byte, lease time.Duration) (string, []byte, error) {
	a.claims++
	return a.Store.Claim(ctx, key, fingerprint, lease)
}

// storing is a mux with a store.
type storing struct {
	*sinewgin.Mux
	store idempotency.Store
}

func (s storing) IdempotencyStore() idempotency.Store { return s.store }

func TestRoutesWithinAServiceUseItsStoreSubjectAndLogger(t *testing.T) {
	store := &asked{Store: idempotency.NewMemory()}
	svc, log := newService(t, sinew.Config{Idempotency: store, Subject: func(r *http.Request) string { return r.Header.Get("X-User") }})
	engine := gin.New()
	mux := sinewgin.On(engine).Within(svc, engine)
	var subject string
	rest.Route[byID, endpoint.None]{Pattern: "POST /orders/{id}", Keyed: true}.Handle(mux, func(ctx context.Context, o byID) (endpoint.None, error) {
		if subject = call.Of(ctx).Subject; o.ID == "bad" {
			panic("oops")
		}
		return endpoint.None{}, nil
	})
	ask(t, svc.Handler(), "POST /orders/7\nX-User: ann\nIdempotency-Key: k")
	if store.claims == 0 || subject != "ann" {
		t.Errorf("%d claims in the store, the subject is %q", store.claims, subject)
	}
	ask(t, svc.Handler(), "POST /orders/bad")
	if !strings.Contains(log.String(), "oops") {
		t.Errorf("the log does not have the panic: %s", log)
	}
}

func TestAMuxOfTheUserGivesRoutesItsStore(t *testing.T) {
	engine := gin.New()
	store := &asked{Store: idempotency.NewMemory()}
	mux := storing{sinewgin.On(engine.Group("/v1")), store}
	rest.Route[byID, endpoint.None]{Pattern: "POST /orders/{id}", Keyed: true}.Handle(mux, func(context.Context, byID) (endpoint.None, error) { return endpoint.None{}, nil })
	ask(t, engine, "POST /v1/orders/7\nIdempotency-Key: k")
	if store.claims == 0 {
		t.Error("the store is not used")
	}
}

func TestTheLimitOfAServiceHoldsForAnEngine(t *testing.T) {
	svc, _ := newService(t, sinew.Config{Limit: limit.Adaptive{Max: 1}})
	inside, leave := make(chan struct{}), make(chan struct{})
	engine := gin.New()
	engine.GET("/legacy/slow", func(c *gin.Context) {
		close(inside)
		<-leave
		c.Status(http.StatusNoContent)
	})
	engine.GET("/legacy/quick", func(c *gin.Context) { c.Status(http.StatusNoContent) })
	svc.Handle("/legacy/", engine)
	done := make(chan struct{})
	go func() {
		defer close(done)
		svc.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/legacy/slow", nil))
	}()
	<-inside
	if got := ask(t, svc.Handler(), "GET /legacy/quick"); got.status != 503 || !strings.Contains(got.body, "overloaded") {
		t.Errorf("a second request gets %s, want 503 for overload", got)
	}
	close(leave)
	<-done
	if got := ask(t, svc.Handler(), "GET /legacy/quick"); got.status != 204 {
		t.Errorf("after the first has ended: %s, want 204", got)
	}
}

func TestTheMuxHasTheSecurityAndTheReadinessOfItsService(t *testing.T) {
	key := rest.SecurityScheme{Header: "X-Key", Check: func(_ *http.Request, key string, _ []string) (context.Context, error) {
		if key != "good" {
			return nil, fault.Unauthenticated.Errorf("the key is not valid")
		}
		return nil, nil
	}}
	svc, _ := newService(t, sinew.Config{Security: &rest.Security{Schemes: map[string]rest.SecurityScheme{"key": key}}})
	svc.AddReadinessCheck("stock", func(context.Context) error { return fault.Unavailable.Errorf("no stock") })
	engine := gin.New(sinewgin.LikeServeMux)
	v1 := sinewgin.On(engine.Group("/v1")).Within(svc, engine)
	rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /orders"}.Handle(v1, func(context.Context, endpoint.None) (endpoint.None, error) { return endpoint.None{}, nil })
	for request, want := range map[string]int{"GET /v1/orders": 401, "GET /v1/orders\nX-Key: good": 204} {
		if got := ask(t, svc.Handler(), request); got.status != want {
			t.Errorf("%s: got %s, want status %d", request, got, want)
		}
	}
	if got := ask(t, svc.Handler(), "GET /openapi.json"); !strings.Contains(got.body, `"security":[{"key":[]}]`) {
		t.Errorf("the document does not say that the route needs a key: %s", got)
	}
	if err := v1.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "no stock") {
		t.Errorf("the mux is ready: %v, want that of its service", err)
	}
	if err := sinewgin.On(gin.New()).Ready(t.Context()); err != nil {
		t.Errorf("a mux within nothing is not ready: %v", err)
	}
}
