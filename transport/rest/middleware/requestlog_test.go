package middleware_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/transport/rest"
	"github.com/sinew-go/sinew/transport/rest/middleware"
)

// logged returns what is logged of a request to a mux.
func logged(t *testing.T, h http.Handler, r *http.Request, layers ...layer) (line map[string]any, text string) {
	t.Helper()
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	h = middleware.RequestLog(log)(h)
	for _, l := range layers {
		h = l(h)
	}
	func() {
		defer func() { _ = recover() }()
		h.ServeHTTP(httptest.NewRecorder(), r)
	}()
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	return line, out.String()
}

func TestARequestIsOneLineOfTheLog(t *testing.T) {
	mux := http.NewServeMux()
	handleProducts(mux)
	r := httptest.NewRequest("GET", "/products/p-1?token=hunter2", nil)
	r.Header.Set("Authorization", "Bearer hunter2")
	r.Header.Set("X-Request-Id", "r-1")
	r.Header.Set("X-Service-Name", "gateway")
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	line, text := logged(t, mux, r, rest.ReadMetadata(func(*http.Request) bool { return true }))
	for name, want := range map[string]any{
		"msg": "request", "level": "INFO", "method": "GET", "route": "GET /products/{id}", "path": "/products/p-1", "status": 200.0,
		"request_id": "r-1", "caller": "gateway", "trace_id": "0af7651916cd43dd8448eb211c80319c",
	} {
		if line[name] != want {
			t.Errorf("%s is %v, want %v", name, line[name], want)
		}
	}
	if bytes, _ := line["bytes"].(float64); bytes < float64(len(longText)) {
		t.Errorf("bytes are %v", line["bytes"])
	}
	if line["duration"] == nil || strings.Contains(text, "hunter2") {
		t.Errorf("the line is %s", text)
	}
}

func TestTheLogHasTheCauseOfAFailure(t *testing.T) {
	mux := http.NewServeMux()
	rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /broken"}.Handle(mux, func(context.Context, endpoint.None) (endpoint.None, error) {
		return endpoint.None{}, fault.Internal.Errorf("the disk is full")
	})
	mux.Handle("GET /aborted", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	handleProducts(mux)
	for path, want := range map[string]struct {
		level, code, cause string
		status             float64
	}{
		"/broken":       {"WARN", "internal", "the disk is full", 500},
		"/aborted":      {"WARN", "internal", "panicked", 500},
		"/products/p-9": {"INFO", "not_found", "p-9", 404},
		"/unknown":      {"INFO", "not_found", "", 404},
	} {
		line, text := logged(t, mux, httptest.NewRequest("GET", path, nil))
		if line["level"] != want.level || line["code"] != want.code || line["status"] != want.status || !strings.Contains(text, want.cause) {
			t.Errorf("%s is logged as %s", path, text)
		}
	}
}

func TestAServiceStillLearnsOfFailuresBehindTheLog(t *testing.T) {
	var out bytes.Buffer
	svc := servicetest.New(t, sinew.Config{Logger: slog.New(slog.NewTextHandler(&out, nil))})
	rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /broken"}.Handle(svc, func(ctx context.Context, _ endpoint.None) (endpoint.None, error) {
		if call.Of(ctx) == nil {
			t.Error("there is no record")
		}
		return endpoint.None{}, fault.Internal.Errorf("the disk is full")
	})
	svc.Use(middleware.RequestLog(slog.New(slog.NewTextHandler(io.Discard, nil))))
	servicetest.Ask(svc, "GET", "/broken")
	if !strings.Contains(out.String(), "the disk is full") {
		t.Errorf("the service logs %s", out.String())
	}
}
