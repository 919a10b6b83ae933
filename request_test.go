package sinew_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

// logbook collects what is logged, as JSON. It is safe for concurrent use.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (b *logbook) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(line)
}

func (b *logbook) logger(least slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(b, &slog.HandlerOptions{Level: least}))
}

func (b *logbook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// lines returns the lines with this message.
func (b *logbook) lines(t testing.TB, message string) (found []map[string]any) {
	t.Helper()
	for line := range strings.Lines(b.String()) {
		var read map[string]any
		if err := json.Unmarshal([]byte(line), &read); err != nil {
			t.Fatal(err)
		}
		if read["msg"] == message {
			found = append(found, read)
		}
	}
	return found
}

// addFailingRoutes adds routes to the service that fail in every way.
func addFailingRoutes(svc *sinew.Service) {
	rest.Route[endpoint.None, endpoint.None]{Pattern: "POST /rest"}.Handle(svc, func(context.Context, endpoint.None) (endpoint.None, error) {
		return endpoint.None{}, fault.Unavailable.Errorf("the bank is closed")
	})
	svc.Handle("POST /foreign", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }))
	svc.Handle("POST /panic", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oops") }))
	rest.Route[endpoint.None, endpoint.None]{Pattern: "POST /restpanic"}.Handle(svc, func(context.Context, endpoint.None) (endpoint.None, error) { panic("oops") })
	rest.Route[endpoint.None, endpoint.None]{Pattern: "POST /missing"}.Handle(svc, func(context.Context, endpoint.None) (endpoint.None, error) {
		return endpoint.None{}, fault.NotFound.Errorf("no such order")
	})
	svc.Handle("POST /good", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
}

// post sends a POST from a caller on this machine and returns the answer.
func post(svc *sinew.Service, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", path, nil)
	r.RemoteAddr = "127.0.0.1:5"
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	svc.Handler().ServeHTTP(w, r)
	return w
}

func TestAFailedRequestIsOneLogLineWithAllItsDetails(t *testing.T) {
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	for path, status := range map[string]float64{"/rest": 503, "/foreign": 503, "/panic": 500, "/restpanic": 500} {
		log := &logbook{}
		svc := servicetest.New(t, sinew.Config{Logger: log.logger(slog.LevelInfo)})
		addFailingRoutes(svc)
		post(svc, path+"?token=hunter2", "X-Request-Id", "r-1", "Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
		lines := log.lines(t, "request failed")
		if len(lines) != 1 {
			t.Errorf("%s: %d lines: %s", path, len(lines), log)
			continue
		}
		line := lines[0]
		want := map[string]any{
			"level": "WARN", "service": "shop", "route": "POST " + path, "method": "POST", "path": path, "status": status, "remote": "127.0.0.1:5",
			"code": fault.FromHTTPStatus(int(status)).String(), "request_id": "r-1", "trace_id": trace,
		}
		for name, value := range want {
			if line[name] != value {
				t.Errorf("%s: %s is %v, not %v", path, name, line[name], value)
			}
		}
		if line["duration"] == nil || line["error"] == nil {
			t.Errorf("%s: %v", path, line)
		}
		for _, panicked := range log.lines(t, "handler panicked") {
			if panicked["request_id"] != "r-1" || panicked["trace_id"] != trace || panicked["stack"] == nil {
				t.Errorf("%s: %v", path, panicked)
			}
		}
		if strings.Contains(log.String(), "hunter2") {
			t.Errorf("%s: the log shows a query: %s", path, log)
		}
	}
}

func TestAccessLogLogsOtherRequests(t *testing.T) {
	for _, access := range []bool{false, true} {
		log := &logbook{}
		svc := servicetest.New(t, sinew.Config{Logger: log.logger(slog.LevelInfo), AccessLog: access})
		addFailingRoutes(svc)
		for _, path := range []string{"/good", "/missing", "/nothing", "/rest", "/healthz"} {
			post(svc, path+"?token=hunter2")
		}
		servicetest.Ask(svc, "GET", "/healthz")
		got := map[any]any{}
		for _, line := range log.lines(t, "request") {
			got[line["path"]] = line["status"]
		}
		if n := len(log.lines(t, "request failed")); n != 1 {
			t.Errorf("access log %v: %d failures: %s", access, n, log)
		}
		want := map[any]any{}
		if access {
			want = map[any]any{"/good": 204.0, "/missing": 404.0, "/nothing": 404.0, "/healthz": 405.0}
		}
		if len(got) != len(want) || got["/good"] != want["/good"] || got["/nothing"] != want["/nothing"] {
			t.Errorf("access log %v: %v", access, got)
		}
		if strings.Contains(log.String(), "hunter2") {
			t.Errorf("the log shows a query: %s", log)
		}
	}
}

func TestRefusalsForOverloadDoNotFillTheLog(t *testing.T) {
	log := &logbook{}
	svc := servicetest.New(t, sinew.Config{Logger: log.logger(slog.LevelInfo)})
	svc.Handle("POST /full", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		rest.WriteError(w, fault.Unavailable.Errorf("full").WithReason("overloaded").WithUnprocessed())
	}))
	post(svc, "/full")
	post(svc, "/full", "X-Request-Timeout", "0s")
	if text := log.String(); text != "" {
		t.Error(text)
	}
}

func TestRequestsWithoutARouteHaveOneSeriesAndSpan(t *testing.T) {
	spans := &tracing.Recorder{}
	svc := servicetest.New(t, sinew.Config{Tracer: spans})
	svc.Handle("GET /orders/{id}", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for _, request := range [][2]string{{"GET", "/wp-login.php"}, {"GET", "/.env"}, {"BREW", "/coffee"}, {"DELETE", "/orders/1"}, {"POST", "/healthz"}} {
		servicetest.Ask(svc, request[0], request[1])
	}
	want := []string{
		`sinew_server_requests_total{code="not_found",operation="no route",service="shop"} 3`,
		`sinew_server_requests_total{code="unimplemented",operation="no route",service="shop"} 2`,
	}
	if got := servicetest.Series(svc, "sinew_server_requests_total"); len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%q", got)
	}
	if got := servicetest.Series(svc, `sinew_server_request_duration_seconds_count{operation="no route"`); len(got) != 1 || !strings.HasSuffix(got[0], " 5") {
		t.Errorf("%q", got)
	}
	all := spans.Spans()
	if len(all) != 5 {
		t.Errorf("%d spans", len(all))
	}
	for _, span := range all {
		if span.Name != "no route" || span.Kind != tracing.Server || span.Tags["error"] == "" {
			t.Errorf("span %+v", span)
		}
	}
}

func TestARequestThatArrivesTooLateIsCounted(t *testing.T) {
	log := &logbook{}
	svc := servicetest.New(t, sinew.Config{Logger: log.logger(slog.LevelInfo), AccessLog: true})
	addFailingRoutes(svc)
	if w := post(svc, "/good", "X-Request-Timeout", "0s"); w.Code != http.StatusGatewayTimeout {
		t.Fatal(w.Code)
	}
	if line := log.lines(t, "request"); len(line) != 1 || line[0]["request_id"] == "" || line[0]["status"] != 504.0 {
		t.Errorf("%v", line)
	}
	want := `sinew_server_requests_total{code="deadline_exceeded",operation="POST /good",service="shop"} 1`
	if got := servicetest.Series(svc, "sinew_server_requests_total"); len(got) != 1 || got[0] != want {
		t.Errorf("%q", got)
	}
}

func TestMiddlewareOfUseIsInsideRequestIDSpanAndMetrics(t *testing.T) {
	log, spans := &logbook{}, &tracing.Recorder{}
	metrics := prometheus.NewRegistry()
	svc := servicetest.New(t, sinew.Config{Tracer: spans, Logger: log.logger(slog.LevelInfo), AccessLog: true, Metrics: metrics})
	addFailingRoutes(svc)
	svc.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			record := call.Of(r.Context())
			if record == nil || record.RequestID != "r-1" || !tracing.SpanContextOf(r.Context()).IsValid() || w.Header().Get("X-Request-Id") != "r-1" {
				t.Errorf("the middleware has no request: %+v", record)
			}
			switch r.Header.Get("Authorization") {
			case "":
				w.WriteHeader(http.StatusUnauthorized)
			case "panic":
				panic("oops")
			default:
				next.ServeHTTP(w, r)
			}
		})
	})
	for who, status := range map[string]int{"": 401, "panic": 500, "me": 204} {
		if w := post(svc, "/good", "X-Request-Id", "r-1", "Authorization", who); w.Code != status {
			t.Errorf("%q: %d", who, w.Code)
		}
	}
	var codes []string
	for _, line := range append(log.lines(t, "request"), log.lines(t, "request failed")...) {
		if line["request_id"] != "r-1" || line["route"] != "POST /good" {
			t.Errorf("%v", line)
		}
		codes = append(codes, line["code"].(string))
	}
	if len(codes) != 3 || len(spans.Spans()) != 3 || len(log.lines(t, "handler panicked")) != 1 {
		t.Errorf("%v, %d spans, %s", codes, len(spans.Spans()), log)
	}
	all := requestCounters(t, metrics)
	for _, code := range []string{"unauthenticated", "internal", "ok"} {
		if !strings.Contains(all, `sinew_server_requests_total{code="`+code+`",operation="POST /good",service="shop"}`) {
			t.Errorf("no %s in %s", code, all)
		}
	}
}

// requestCounters returns the counters of requests, as text.
func requestCounters(t testing.TB, from prometheus.Gatherer) string {
	t.Helper()
	w := httptest.NewRecorder()
	promhttp.HandlerFor(from, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	return w.Body.String()
}

// hidingWriter hides everything but the methods of http.ResponseWriter.
type hidingWriter struct{ w http.ResponseWriter }

func (o hidingWriter) Header() http.Header { return o.w.Header() }

func (o hidingWriter) Write(b []byte) (int, error) { return o.w.Write(b) }

func (o hidingWriter) WriteHeader(status int) { o.w.WriteHeader(status) }
