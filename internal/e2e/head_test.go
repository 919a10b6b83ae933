package e2e_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestAHeadCountsAsAGetDoesOnEveryTier(t *testing.T) {
	route := rest.Route[endpoint.None, *struct{}]{Pattern: "GET /x"}
	for _, code := range []fault.Code{fault.NotFound, fault.AlreadyExists, fault.FailedPrecondition, fault.OutOfRange} {
		backend := sinew.New("backend", servicetest.Local(sinew.Config{}))
		route.Handle(backend, func(context.Context, endpoint.None) (*struct{}, error) { return nil, code.Errorf("no") })
		servicetest.Start(t, backend)
		metrics := prometheus.NewRegistry()
		gateway := sinew.New("gateway", servicetest.Local(sinew.Config{Static: map[string][]string{"backend": {backend.URL()}}, Metrics: metrics}))
		t.Cleanup(func() { _ = gateway.Shutdown(context.Background()) })
		route.Forward(gateway, gateway.Client("backend"))
		for _, method := range []string{"GET", "HEAD"} {
			w := httptest.NewRecorder()
			gateway.Handler().ServeHTTP(w, httptest.NewRequest(method, "/x", nil))
			if w.Code != code.HTTPStatus() || (w.Header().Get("X-Problem") == "") != (method == http.MethodGet) {
				t.Errorf("%s, %s: %d %s", code, method, w.Code, w.Header())
			}
		}
		families, err := metrics.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			if !strings.HasSuffix(family.GetName(), "_requests_total") {
				continue
			}
			for _, series := range family.GetMetric() {
				for _, label := range series.GetLabel() {
					if label.GetName() == "code" && label.GetValue() != code.String() {
						t.Errorf("%s: %s counts %s", code, family.GetName(), label.GetValue())
					}
				}
			}
		}
	}
}
