package sinew_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/limit"
)

func TestPolicyStatesAreInTheMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := servicetest.New(t, sinew.Config{Static: map[string][]string{"inventory": {"http://10.0.0.1:80", "http://10.0.0.2:80"}}})
		call := func(err error) {
			_ = shop.Client("inventory").Call(t.Context(), call.Operation{Name: "op"}, func(context.Context, string) error {
				all := servicetest.Series(shop, "sinew_client_in_flight")
				if want := `sinew_client_in_flight{caller="shop",service="inventory"} 1`; !slices.Contains(all, want) {
					t.Errorf("during a call: %q", all)
				}
				return err
			})
		}
		state := func(want ...string) {
			t.Helper()
			all := servicetest.Series(shop, "sinew_client_")
			for _, line := range want {
				if line = strings.Replace(line, "{", `{caller="shop",`, 1); !slices.Contains(all, line) {
					t.Errorf("no %s in %q", line, all)
				}
			}
		}
		call(nil)
		state(`sinew_client_breaker_state{service="inventory"} 0`, `sinew_client_instances{ejected="false",service="inventory"} 2`)
		for range 20 {
			call(fault.Unavailable)
			bubble.Sleep(20 * time.Millisecond)
		}
		state(`sinew_client_breaker_state{service="inventory"} 2`)
		bubble.Sleep(2 * time.Second)
		state(`sinew_client_breaker_state{service="inventory"} 1`, `sinew_client_in_flight{service="inventory"} 0`, `sinew_client_limit{service="inventory"} 0`)
	})
}

func TestThePhaseOfTheLimitHasTheWordsOfTheSnapshotInItsHelp(t *testing.T) {
	all := prometheus.NewRegistry()
	shop := servicetest.New(t, sinew.Config{Metrics: all, Static: map[string][]string{"orders": {"http://10.0.0.1:80"}}})
	shop.Client("orders")
	families, err := all.Gather()
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("What the limit does: 0 %s, 1 %s, 2 %s.", limit.Unlimited, limit.Trial, limit.Steering)
	found := 0
	for _, family := range families {
		if name := family.GetName(); name != "sinew_client_limit_phase" && name != "sinew_server_limit_phase" {
			continue
		}
		found++
		if got := family.GetHelp(); got != want {
			t.Errorf("the help of %s is %q, want %q", family.GetName(), got, want)
		}
		if got := family.GetMetric()[0].GetGauge().GetValue(); got != 0 {
			t.Errorf("%s is %v without an overload, want 0", family.GetName(), got)
		}
	}
	if found != 2 {
		t.Errorf("%d series of a phase, want one of the client and one of the server", found)
	}
}

func TestRequestsWhoseCallerHasGoneAreCountedAsWasted(t *testing.T) {
	shop := servicetest.New(t, sinew.Config{})
	shop.Handle("GET /slow", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/slow", nil)
	r.Header.Set("X-Request-Timeout", "1ms")
	shop.Handler().ServeHTTP(httptest.NewRecorder(), r)
	if all := servicetest.Series(shop, "sinew_server_wasted_total"); len(all) != 1 || all[0] != `sinew_server_wasted_total{service="shop"} 1` {
		t.Errorf("%q", all)
	}
}

func TestOfServicesWithOneNameAndRegistryTheFirstIsShown(t *testing.T) {
	shared := prometheus.NewRegistry()
	first, second := sinew.New("shop", sinew.Config{Metrics: shared}), sinew.New("shop", sinew.Config{Metrics: shared})
	shown := func() int {
		all, err := shared.Gather()
		if err != nil {
			t.Error(err)
		}
		return len(all)
	}
	if shown() == 0 {
		t.Error("nothing is shown")
	}
	_ = second.Shutdown(context.Background())
	if shown() == 0 {
		t.Error("the second one took the series of the first with it")
	}
	_ = first.Shutdown(context.Background())
	if n := shown(); n != 0 {
		t.Errorf("%d families of a service that has stopped", n)
	}
}

// switchableSettings are settings that the test can refuse.
type switchableSettings struct{ err error }

func (r *switchableSettings) Err() error { return r.err }

func TestRefusedSettingsAreInTheMetrics(t *testing.T) {
	settings := &switchableSettings{}
	svc := servicetest.New(t, sinew.Config{Settings: settings})
	for _, refused := range []error{nil, fault.InvalidArgument, nil} {
		settings.err = refused
		want := `sinew_settings_refused{service="shop"} 0`
		if refused != nil {
			want = `sinew_settings_refused{service="shop"} 1`
		}
		if got := servicetest.Series(svc, "sinew_settings_refused"); len(got) != 1 || got[0] != want {
			t.Errorf("%v: %q", refused, got)
		}
	}
	if got := servicetest.Series(servicetest.New(t, sinew.Config{}), "sinew_settings_refused"); len(got) != 0 {
		t.Errorf("without settings: %q", got)
	}
}
