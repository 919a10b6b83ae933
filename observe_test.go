package sinew_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestTracesMetricsAndRequestIdsGoAlongThreeHops(t *testing.T) {
	reg := registry.NewMemory()
	spans := &tracing.Recorder{}
	inventory(t, sinew.Config{Registry: reg, Tracer: spans})
	order := sinew.New("order", local(sinew.Config{Registry: reg, Tracer: spans}))
	reserve := api.Reserve.Endpoint(order.Client("inventory"))
	rest.Route[rest.None, *Inventory]{Pattern: "POST /orders"}.Handle(order, func(ctx context.Context, _ rest.None) (*Inventory, error) {
		if call := endpoint.CallOf(ctx); call.RequestID != "r-1" || call.From != "shop" {
			t.Errorf("order got %+v", call)
		}
		return reserve(ctx, &ReserveRequest{ProductID: "p-1", Quantity: 1})
	})
	start(t, order)
	shop := client(t, sinew.Config{Registry: reg, Tracer: spans})
	ctx, _ := endpoint.WithCall(t.Context(), endpoint.Call{RequestID: "r-1"})
	if _, err := (rest.Route[rest.None, *Inventory]{Pattern: "POST /orders"}).Endpoint(shop.Client("order"))(ctx, rest.None{}); err != nil {
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
	svc := client(t, sinew.Config{})
	svc.Handle("GET /panic", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret") }))
	w := httptest.NewRecorder()
	svc.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/panic", nil))
	if w.Code != 500 || strings.Contains(w.Body.String(), "secret") || w.Header().Get("Content-Type") != fault.ProblemType {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
