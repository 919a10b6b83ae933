package sinew_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/internal/servicetest/api"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestTracesMetricsAndRequestIDsSpanThreeHops(t *testing.T) {
	reg := registry.NewMemory()
	spans := &tracing.Recorder{}
	servicetest.StartInventory(t, sinew.Config{Registry: reg, Tracer: spans, Trust: rest.SameMachine})
	order := sinew.New("order", servicetest.Local(sinew.Config{Registry: reg, Tracer: spans, Trust: rest.SameMachine}))
	reserve := api.Reserve.Endpoint(order.Client("inventory"))
	rest.Route[endpoint.None, *api.Inventory]{Pattern: "POST /orders"}.Handle(order, func(ctx context.Context, _ endpoint.None) (*api.Inventory, error) {
		if r := call.Of(ctx); r.RequestID != "r-1" || r.From != "shop" {
			t.Errorf("order got %+v", r)
		}
		return reserve(ctx, &api.ReserveRequest{ProductID: "p-1", Quantity: 1})
	})
	servicetest.Start(t, order)
	shop := servicetest.New(t, sinew.Config{Registry: reg, Tracer: spans})
	ctx := call.With(t.Context(), call.Record{RequestID: "r-1"})
	if _, err := (rest.Route[endpoint.None, *api.Inventory]{Pattern: "POST /orders"}).Endpoint(shop.Client("order"))(ctx, endpoint.None{}); err != nil {
		t.Fatal(err)
	}
	var all []tracing.Finished
	for deadline := time.Now().Add(5 * time.Second); len(all) < 4 && time.Now().Before(deadline); all = spans.Spans() { // the outermost server span ends after its answer
		<-time.After(time.Millisecond)
	}
	if len(all) != 4 {
		t.Fatalf("%d spans, want 4: %+v", len(all), all)
	}
	byID := map[tracing.SpanID]tracing.Finished{}
	for _, s := range all {
		byID[s.SpanID] = s
	}
	var names []string
	for _, s := range all {
		if s.Name == "POST /inventory/{product_id}/reserve" && s.Kind == tracing.Server {
			for ok := true; ok; s, ok = byID[s.ParentID] {
				names = append(names, s.Kind.String()+" "+s.Name)
			}
		}
		if s.TraceID != all[0].TraceID && s.Name != "" {
			t.Errorf("another trace: %+v", s)
		}
	}
	want := []string{"server POST /inventory/{product_id}/reserve", "client POST /inventory/{product_id}/reserve", "server POST /orders", "client POST /orders"}
	if !slices.Equal(names, want) {
		t.Errorf("from the inside out: %v", names)
	}
}

func TestForeignHandlerThatPanicsIs500(t *testing.T) {
	svc := servicetest.New(t, sinew.Config{})
	svc.Handle("GET /panic", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "5")
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Cache-Control", "max-age=3600")
		w.Header().Set("Etag", `"1"`)
		panic("secret")
	}))
	server := httptest.NewServer(svc.Handler())
	defer server.Close()
	status, header, body := servicetest.Get(t, server.URL+"/panic")
	if status != 500 || strings.Contains(body, "secret") || !strings.Contains(body, "internal") || header.Get("Content-Type") != fault.ProblemType {
		t.Errorf("%d %s", status, body)
	}
	for _, name := range []string{"Content-Encoding", "Cache-Control", "Etag"} {
		if value := header.Get(name); value != "" {
			t.Errorf("%s: %s is of the answer that was not given", name, value)
		}
	}
	if header.Get("X-Request-Id") == "" {
		t.Error("the request's id is lost")
	}
}

func TestHandlerThatPanicsAfterItsAnswerStartedBreaksTheConnection(t *testing.T) {
	for name, begin := range map[string]func(http.ResponseWriter){
		"write":      func(w http.ResponseWriter) { _, _ = w.Write([]byte("half")) },
		"flush":      func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
		"controller": func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() },
	} {
		svc := servicetest.New(t, sinew.Config{})
		svc.Handle("GET /panic", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			begin(w)
			panic("secret")
		}))
		server := httptest.NewServer(svc.Handler())
		answer, err := http.Get(server.URL + "/panic")
		if err == nil {
			_, err = io.ReadAll(answer.Body)
			_ = answer.Body.Close()
		}
		if err == nil {
			t.Errorf("after a %s the caller takes the answer for whole", name)
		}
		server.Close()
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestMetricsAndSpansHaveTheCodeThatTheCallerSees(t *testing.T) {
	spans := &tracing.Recorder{}
	svc := servicetest.New(t, sinew.Config{Tracer: spans})
	codes := []fault.Code{fault.AlreadyExists, fault.FailedPrecondition, fault.DataLoss, fault.NotFound, fault.Unavailable}
	for _, code := range codes {
		svc.Handle("GET /"+code.String(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.(interface{ Failed(error) }).Failed(code.Errorf("no")) // as rest.WriteError does
			w.WriteHeader(code.HTTPStatus())
		}))
	}
	for path, status := range map[string]int{"/foreign": 409, "/missing": 404, "/recovered": 200} {
		svc.Handle("GET "+path, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if status == 200 { // a failure that is not the answer
				w.(interface{ Failed(error) }).Failed(fault.Internal)
			}
			w.WriteHeader(status)
		}))
	}
	serve := func(path string) string { return servicetest.Ask(svc, "GET", path).Body.String() }
	want := map[string]string{"/foreign": "aborted", "/missing": "not_found", "/recovered": "ok"}
	for _, code := range codes {
		want["/"+code.String()] = code.String()
	}
	for path := range want {
		serve(path)
	}
	page := serve("/metrics")
	for path, code := range want {
		if series := `sinew_server_requests_total{code="` + code + `",operation="GET ` + path + `",service="shop"} 1`; !strings.Contains(page, series) {
			t.Errorf("no %s", series)
		}
	}
	for _, span := range spans.Spans() {
		code := want[strings.TrimPrefix(span.Name, "GET ")]
		if tag := span.Tags["error"]; code != "ok" && !strings.HasPrefix(tag, code) || code == "ok" && tag != "" {
			t.Errorf("span %s has the error %q", span.Name, tag)
		}
	}
}

func TestAMiddlewaresWriterMayHideTheServicesWriter(t *testing.T) {
	svc := servicetest.New(t, sinew.Config{})
	addFailingRoutes(svc)
	svc.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(hidingWriter{w}, r) })
	})
	for path, code := range map[string]string{"/rest": "unavailable", "/missing": "not_found", "/good": "ok", "/panic": "internal"} {
		post(svc, path)
		want := `sinew_server_requests_total{code="` + code + `",operation="POST ` + path + `",service="shop"} 1`
		if !strings.Contains(servicetest.Ask(svc, "GET", "/metrics").Body.String(), want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestARewrittenPathIsCountedForItsRoute(t *testing.T) {
	metrics := prometheus.NewRegistry()
	svc := servicetest.New(t, sinew.Config{Metrics: metrics})
	addFailingRoutes(svc)
	svc.Use(func(next http.Handler) http.Handler { return http.StripPrefix("/v1", next) })
	post(svc, "/v1/good")
	post(svc, "/v1/nothing")
	all := requestCounters(t, metrics)
	for _, want := range []string{`code="ok",operation="POST /good"`, `code="not_found",operation="no route"`} {
		if !strings.Contains(all, want) {
			t.Errorf("no %s in %s", want, all)
		}
	}
}

func TestAnAbortedAnswerIsReportedAsAborted(t *testing.T) {
	log := &logbook{}
	svc := servicetest.New(t, sinew.Config{Logger: log.logger(slog.LevelInfo)})
	svc.Handle("GET /broken", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half"))
		panic(http.ErrAbortHandler)
	}))
	server := httptest.NewServer(svc.Handler())
	answer, err := http.Get(server.URL + "/broken")
	if err == nil {
		_, err = io.ReadAll(answer.Body)
		_ = answer.Body.Close()
	}
	if err == nil {
		t.Error("the caller takes the answer for whole")
	}
	http.DefaultClient.CloseIdleConnections()
	server.Close() // waits for the handler
	lines := log.lines(t, "request failed")
	if len(lines) != 1 || !strings.Contains(lines[0]["error"].(string), "aborted its answer") || len(log.lines(t, "handler panicked")) != 0 {
		t.Errorf("%s", log)
	}
}
