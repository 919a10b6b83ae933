package sinew_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	_ "net/http/pprof"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/internal/servicetest/api"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestPagesThatEveryServiceHas(t *testing.T) {
	svc := servicetest.StartInventory(t, sinew.Config{Version: "1.4.0"})
	if _, err := api.GetStock.Endpoint(rest.Remote(svc.URL(), nil))(t.Context(), &api.StockRequest{ProductID: "p-1"}); err != nil {
		t.Fatal(err)
	}
	for page, want := range map[string]string{
		svc.URL() + "/healthz": `"ok"`, svc.URL() + "/readyz": `"ready"`, svc.URL() + "/openapi.json": `"/inventory/{product_id}/reserve"`,
		svc.AdminURL() + "/metrics": `sinew_server_requests_total{code="ok",operation="GET /inventory/{product_id}",service="inventory"} 1`,
		svc.AdminURL() + "/readyz":  `"ready"`,
		svc.AdminURL() + "/healthz": `"ok"`,
	} {
		if status, _, body := servicetest.Get(t, page); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", page, status, body)
		}
	}
	for path, want := range map[string]int{"/nothing": 404, "/inventory/p-1/reserve": 405} {
		if status, header, body := servicetest.Get(t, svc.URL()+path); status != want || header.Get("Content-Type") != fault.ProblemType {
			t.Errorf("%s: %d %s %s", path, status, header, body)
		}
	}
}

func TestAdminPagesMoveToAnAddressOfTheirOwn(t *testing.T) {
	admin := servicetest.FreeAddr(t)
	svc := servicetest.StartInventory(t, sinew.Config{Admin: admin})
	for page, want := range map[string]int{"/metrics": 404, "/readyz": 404, "/healthz": 200, "/inventory/p-1": 200} {
		if status, _, _ := servicetest.Get(t, svc.URL()+page); status != want {
			t.Errorf("%s on Addr: %d", page, status)
		}
	}
	if svc.AdminURL() != "http://"+admin {
		t.Errorf("they are said to be at %s", svc.AdminURL())
	}
	for page, want := range map[string]int{"/metrics": 200, "/readyz": 200, "/healthz": 200, "/inventory/p-1": 404} {
		if status, header, _ := servicetest.Get(t, "http://"+admin+page); status != want || status == 404 && header.Get("Content-Type") != fault.ProblemType {
			t.Errorf("%s on Admin: %d", page, status)
		}
	}
}

func TestTheRegistrysHealthCheckIsServed(t *testing.T) {
	reg := registry.NewMemory()
	servicetest.StartInventory(t, sinew.Config{Registry: reg, Admin: servicetest.FreeAddr(t)})
	all, err := reg.Services(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	if status, _, _ := servicetest.Get(t, all[0].HealthCheck); status != 200 {
		t.Errorf("%s: %d", all[0].HealthCheck, status)
	}
}

func TestMetricsOnAddrAreForTrustedCallersOnly(t *testing.T) {
	for name, trust := range map[string]func(*http.Request) bool{
		"nobody said whom to trust": nil,
		"loopback peers are ours":   rest.SameMachine,
		"a network is ours":         rest.Networks(netip.MustParsePrefix("192.0.2.0/24")),
	} {
		h := servicetest.New(t, sinew.Config{Trust: trust}).Handler()
		for from, peer := range map[string]string{"this machine": "127.0.0.1:5", "a network": "192.0.2.77:5"} {
			r := httptest.NewRequest("GET", "/metrics", nil)
			r.RemoteAddr = peer
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			shown := name == "loopback peers are ours" && from == "this machine" || name == "a network is ours" && from == "a network"
			if (w.Code == 200) != shown || !shown && w.Code != 403 {
				t.Errorf("%s, asked from %s: %d", name, from, w.Code)
			}
		}
	}
}

func TestAdminPagesAreServedNextToTheMetrics(t *testing.T) {
	pages := map[string]http.Handler{"GET /debug/": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.URL.Path)) })}
	admin := servicetest.FreeAddr(t)
	svc := servicetest.StartInventory(t, sinew.Config{Admin: admin, AdminPages: pages})
	if status, _, body := servicetest.Get(t, "http://"+admin+"/debug/pprof"); status != 200 || body != "/debug/pprof" {
		t.Errorf("on Admin: %d %s", status, body)
	}
	if status, _, _ := servicetest.Get(t, svc.URL()+"/debug/pprof"); status != 404 {
		t.Errorf("on Addr: %d", status)
	}
	local := sinew.New("inventory", servicetest.Local(sinew.Config{AdminPages: pages, Trust: rest.SameMachine}))
	local.Handle("GET /{path...}", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	servicetest.Start(t, local)
	for url, want := range map[string]int{local.AdminURL(): 200, local.URL(): http.StatusTeapot} {
		if status, _, _ := servicetest.Get(t, url+"/debug/pprof"); status != want {
			t.Errorf("without Admin, at %s: %d", url, status)
		}
	}
}

func TestAdminPagesServeProfiles(t *testing.T) {
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{AdminPages: map[string]http.Handler{"/debug/pprof/": http.DefaultServeMux}}))
	svc.Handle("GET /{path...}", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	servicetest.Start(t, svc)
	if status, _, body := servicetest.Get(t, svc.AdminURL()+"/debug/pprof/goroutine?debug=1"); status != 200 || !strings.Contains(body, "goroutine profile") {
		t.Errorf("%d %.100s", status, body)
	}
}

func TestMetricsTakesARegistererAndAGatherer(t *testing.T) {
	all := prometheus.NewRegistry()
	svc := servicetest.New(t, sinew.Config{Metrics: prometheus.WrapRegistererWith(prometheus.Labels{"zone": "a"}, all), Gatherer: all})
	addFailingRoutes(svc)
	post(svc, "/good")
	if got := servicetest.Series(svc, `sinew_server_requests_total{code="ok",operation="POST /good",service="shop",zone="a"} 1`); len(got) != 1 {
		t.Errorf("%s", servicetest.Ask(svc, "GET", "/metrics").Body)
	}
	for name, c := range map[string]sinew.Config{
		"Config.Gatherer": {Metrics: prometheus.WrapRegistererWith(prometheus.Labels{"zone": "a"}, all)},
		"Config.Metrics":  {Gatherer: all},
		"nil":             {Metrics: (*prometheus.Registry)(nil)},
	} {
		func() {
			defer func() {
				if said := fmt.Sprint(recover()); !strings.Contains(said, name) || !strings.Contains(said, "Config.Metrics") {
					t.Errorf("want %s, got %s", name, said)
				}
			}()
			sinew.New("shop", c)
		}()
	}
}

func TestCallerIsALabelOfAllSeriesOfClients(t *testing.T) {
	shop := servicetest.New(t, sinew.Config{Static: servicetest.InventoryAddress})
	_ = shop.Client("inventory").Call(t.Context(), call.Operation{Name: "op"}, func(context.Context, string) error { return nil })
	all := servicetest.Series(shop, "sinew_client_")
	for _, line := range all {
		if !strings.Contains(line, `caller="shop"`) {
			t.Error(line)
		}
	}
	if len(all) < 10 {
		t.Errorf("%q", all)
	}
}

func TestByDefaultMetricsAreServedToTheMachineItself(t *testing.T) {
	var log bytes.Buffer
	svc := servicetest.StartInventory(t, sinew.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	admin := svc.AdminURL()
	if at, err := url.Parse(admin); err != nil || at.Hostname() != "127.0.0.1" || !strings.Contains(log.String(), admin) {
		t.Errorf("the admin pages are at %q; the log says %s", admin, &log)
	}
	if status, _, body := servicetest.Get(t, admin+"/metrics"); status != 200 || !strings.Contains(body, "sinew_server_limit") {
		t.Errorf("%d %s", status, body)
	}
	if status, _, body := servicetest.Get(t, svc.URL()+"/metrics"); status != 403 || !strings.Contains(body, admin+"/metrics") {
		t.Errorf("who asks at the wrong place is not told the right one: %d %s", status, body)
	}
}

func TestUnknownPathsOnAdminAreCounted(t *testing.T) {
	metrics, admin := prometheus.NewRegistry(), servicetest.FreeAddr(t)
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Admin: admin, Metrics: metrics}))
	servicetest.Start(t, svc)
	for _, path := range []string{"/.env", "/metrics"} {
		servicetest.Get(t, "http://"+admin+path)
	}
	_ = svc.Shutdown(t.Context()) // after it, every answer is counted
	if all := requestCounters(t, metrics); !strings.Contains(all, `sinew_server_requests_total{code="not_found",operation="no route",service="inventory"} 1`) || strings.Contains(all, `"GET /metrics"`) {
		t.Error(all)
	}
}

func TestTheDocumentIsRenderedOncePerSetOfRoutes(t *testing.T) {
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Version: "1.2.3"}))
	type answer struct{ A, B, C, D, E, F, G, H []string }
	noAnswer := func(context.Context, endpoint.None) (*answer, error) { return nil, nil }
	rest.Route[endpoint.None, *answer]{Pattern: "GET /first"}.Handle(svc, noAnswer)
	document := func() string {
		w := httptest.NewRecorder()
		svc.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/openapi.json", nil))
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%d %s", w.Code, w.Header())
		}
		return w.Body.String()
	}
	if text := document(); !strings.Contains(text, `"/first"`) || !strings.Contains(text, `"1.2.3"`) {
		t.Error(text)
	}
	rest.Route[endpoint.None, *answer]{Pattern: "GET /second"}.Handle(svc, noAnswer)
	if text := document(); !strings.Contains(text, `"/first"`) || !strings.Contains(text, `"/second"`) {
		t.Error(text)
	}
	if text := document(); text != document() {
		t.Error(text)
	}
	if allocs := testing.AllocsPerRun(20, func() { document() }); allocs > 100 {
		t.Errorf("%v allocations for a document that is there", allocs)
	}
}
