package sinew_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestPagesThatEveryServiceHas(t *testing.T) {
	svc := inventory(t, sinew.Config{Version: "1.4.0"})
	if _, err := api.GetStock.Endpoint(rest.At(svc.URL(), nil))(t.Context(), &StockRequest{ProductID: "p-1"}); err != nil {
		t.Fatal(err)
	}
	for page, want := range map[string]string{
		"/healthz": `"ok"`, "/readyz": `"ready"`, "/openapi.json": `"/inventory/{product_id}/reserve"`,
		"/metrics": `sinew_server_requests_total{code="ok",operation="GET /inventory/{product_id}",service="inventory"} 1`,
	} {
		if status, _, body := get(t, svc.URL()+page); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", page, status, body)
		}
	}
	for path, want := range map[string]int{"/nothing": 404, "/inventory/p-1/reserve": 405} {
		if status, header, body := get(t, svc.URL()+path); status != want || header.Get("Content-Type") != fault.ProblemType {
			t.Errorf("%s: %d %s %s", path, status, header, body)
		}
	}
}

func TestAdminPagesMoveToAnAddressOfTheirOwn(t *testing.T) {
	admin := freeAddr(t)
	svc := inventory(t, sinew.Config{Admin: admin})
	for page, want := range map[string]int{"/metrics": 404, "/readyz": 404, "/healthz": 200, "/inventory/p-1": 200} {
		if status, _, _ := get(t, svc.URL()+page); status != want {
			t.Errorf("%s on Addr: %d", page, status)
		}
	}
	for page, want := range map[string]int{"/metrics": 200, "/readyz": 200, "/healthz": 200, "/inventory/p-1": 404} {
		if status, header, _ := get(t, "http://"+admin+page); status != want || status == 404 && header.Get("Content-Type") != fault.ProblemType {
			t.Errorf("%s on Admin: %d", page, status)
		}
	}
}

func TestTheRegistrysHealthCheckIsServed(t *testing.T) {
	reg := registry.NewMemory()
	inventory(t, sinew.Config{Registry: reg, Admin: freeAddr(t)})
	all, err := reg.Services(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	if status, _, _ := get(t, all[0].HealthCheck); status != 200 {
		t.Errorf("%s: %d", all[0].HealthCheck, status)
	}
}

func TestMetricsAreForThisMachineAlone(t *testing.T) {
	h := client(t, sinew.Config{}).Handler()
	for from, want := range map[string]int{"127.0.0.1:5": 200, "192.0.2.77:5": 403} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.RemoteAddr = from
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("from %s: %d", from, w.Code)
		}
	}
}
