package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/retry"
	"github.com/sinew-go/sinew/tracing"
)

func TestACallIsOneInTheClientsSeriesWithTheCodeThatItsCallerSees(t *testing.T) {
	spans := &tracing.Recorder{}
	shop := servicetest.New(t, sinew.Config{Tracer: spans, Static: servicetest.InventoryAddress, Clients: map[string]sinew.ClientPolicy{
		"inventory": {Retry: retry.Policy{Attempts: 3, Budget: retry.Budget{Disabled: true}}},
	}})
	attempts := 0
	for _, c := range []struct {
		name    string
		answers []error
	}{
		{name: "ok", answers: []error{nil}},
		{name: "ok after all", answers: []error{fault.Unavailable, fault.Internal, nil}},
		{name: "unavailable", answers: []error{fault.Internal, fault.Internal, fault.Unavailable}},
		{name: "not_found", answers: []error{fault.NotFound}},
		{name: "not_found at last", answers: []error{fault.Unavailable, fault.NotFound}},
	} {
		err := shop.Client("inventory").Call(t.Context(), call.Operation{Name: c.name, Safe: true}, func(context.Context, string) error {
			attempts++
			err := c.answers[0]
			c.answers = c.answers[1:]
			return err
		})
		code, _, _ := strings.Cut(c.name, " ")
		labels := `{caller="shop",code="` + code + `",operation="` + c.name + `",service="inventory"} 1`
		counted := false
		for _, line := range servicetest.Series(shop, "sinew_client_requests_total") {
			if strings.Contains(line, `operation="`+c.name+`"`) {
				if counted || line != "sinew_client_requests_total"+labels {
					t.Errorf("%s, which ended with %v: %s", c.name, err, line)
				}
				counted = true
			}
		}
		timed := servicetest.Series(shop, `sinew_client_request_duration_seconds_count{caller="shop",operation="`+c.name+`",service="inventory"} 1`)
		if !counted || len(timed) != 1 {
			t.Errorf("%s, which ended with %v: counted %v, timed %q", c.name, err, counted, timed)
		}
	}
	if all := spans.Spans(); attempts != 10 || len(all) != 5 {
		t.Errorf("%d spans of %d attempts", len(all), attempts)
	}
}

func TestCallsThatReachNoInstanceAreCounted(t *testing.T) {
	shop := servicetest.New(t, sinew.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = shop.Client("inventory").Call(ctx, call.Operation{Name: "op"}, func(context.Context, string) error { return nil })
	if lines := servicetest.Series(shop, "sinew_client_requests_total"); len(lines) != 1 || !strings.Contains(lines[0], `caller="shop",code="canceled",operation="op",service="inventory"`) {
		t.Errorf("%q", lines)
	}
}

func TestSeriesOfAClientAreBounded(t *testing.T) {
	shop := servicetest.New(t, sinew.Config{Static: servicetest.InventoryAddress})
	c := shop.Client("inventory")
	for i := range 5000 {
		_ = c.Call(t.Context(), call.Operation{Name: fmt.Sprint("GET /", i)}, func(context.Context, string) error { return nil })
	}
	lines := servicetest.Series(shop, "sinew_client_requests_total")
	sum := 0
	for _, line := range lines {
		var n int
		if _, err := fmt.Sscan(line[strings.LastIndex(line, " ")+1:], &n); err != nil {
			t.Fatal(line, err)
		}
		sum += n
	}
	if len(lines) > 1001 || sum != 5000 {
		t.Errorf("%d series of %d calls", len(lines), sum)
	}
}

func TestUnknownPathsMakeNoSeriesOfTheirOwn(t *testing.T) {
	spans := &tracing.Recorder{}
	svc := servicetest.New(t, sinew.Config{Tracer: spans})
	svc.Handle("GET /files/{path...}", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }))
	servicetest.Ask(svc, "GET", "/files/0")
	before := len(servicetest.Series(svc, "sinew_"))
	for i := range 10_000 {
		for _, path := range []string{"/nothing/", "/files/"} {
			if w := servicetest.Ask(svc, "GET", fmt.Sprint(path, i)); w.Code != http.StatusNotFound {
				t.Fatalf("%s%d: %d", path, i, w.Code)
			}
		}
		servicetest.Ask(svc, fmt.Sprint("M", i), "/files/")
	}
	if lines := servicetest.Series(svc, "sinew_server_requests_total"); len(lines) > 3 || !strings.HasSuffix(lines[0], " 10001") {
		t.Errorf("%q", lines)
	}
	if after := servicetest.Series(svc, "sinew_"); len(after) > 2*before {
		t.Errorf("%d series were %d before", len(after), before)
	}
	for _, span := range spans.Spans() {
		if span.Name != "GET /files/{path...}" && span.Name != "no route" {
			t.Fatalf("a span %q", span.Name)
		}
	}
}
