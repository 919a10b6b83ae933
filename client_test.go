package sinew_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/retry"
)

func TestClientRepeatsOnAnotherInstanceAndOpensItsBreaker(t *testing.T) {
	var good, bad atomic.Int64
	answer := func(n *atomic.Int64, status int) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			n.Add(1)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{}`))
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	shop := client(t, sinew.Config{
		Static:  map[string][]string{"inventory": {answer(&good, 200), answer(&bad, 503)}, "broken": {answer(&bad, 500)}},
		Clients: map[string]sinew.ClientPolicy{"broken": {Breaker: breaker.Consecutive, Retry: retry.Policy{Disabled: true}}},
	})
	get := api.GetStock.Endpoint(shop.Client("inventory"))
	for range 50 {
		if _, err := get(t.Context(), &StockRequest{ProductID: "p-1"}); err != nil {
			t.Fatal(err)
		}
	}
	if bad.Load() == 0 || good.Load() != 50 {
		t.Errorf("%d good and %d bad attempts", good.Load(), bad.Load())
	}
	bad.Store(0)
	get = api.GetStock.Endpoint(shop.Client("broken"))
	var err error
	for range 20 {
		_, err = get(t.Context(), &StockRequest{ProductID: "p-1"})
	}
	var f *fault.Error
	if bad.Load() != 5 || !errors.As(err, &f) || f.Reason != "breaker_open" || !strings.Contains(f.Message, "broken") {
		t.Errorf("%d attempts, %v", bad.Load(), err)
	}
	if err := shop.Client("broken").Set(sinew.ClientPolicy{Timeout: -1}); !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), "broken") {
		t.Errorf("an invalid policy: %v", err)
	}
}

func TestClientOfNobodyNamesTheService(t *testing.T) {
	shop := client(t, sinew.Config{})
	_, err := api.GetStock.Endpoint(shop.Client("nobody"))(t.Context(), &StockRequest{ProductID: "p-1"})
	if !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "nobody") {
		t.Error(err)
	}
	if err := shop.Client("nobody").Ready(t.Context()); !errors.Is(err, fault.Unavailable) {
		t.Error(err)
	}
}

func TestCallsHaveADeadlineThatIsOurOwn(t *testing.T) {
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer hang.Close()
	shop := client(t, sinew.Config{
		Static:  map[string][]string{"inventory": {hang.URL}},
		Clients: map[string]sinew.ClientPolicy{"inventory": {Timeout: 50 * time.Millisecond}},
	})
	_, err := api.GetStock.Endpoint(shop.Client("inventory"))(t.Context(), &StockRequest{ProductID: "p-1"})
	if !errors.Is(err, fault.DeadlineExceeded) || fault.Classify(t.Context(), err) != fault.Failure {
		t.Error(err)
	}
}

func TestClientPolicyReadsFromJSON(t *testing.T) {
	var p sinew.ClientPolicy
	text := `{"timeout":"2s","retry":{"attempts":5,"backoff":"1s"},"breaker":{"timeout":"3s"},"balance":{"algorithm":"round_robin","ejection":{"period":"9s"}}}`
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	if p.Timeout != 2*time.Second || p.Retry.Backoff != time.Second || p.Breaker.Timeout != 3*time.Second || p.Balance.Ejection.Period != 9*time.Second {
		t.Errorf("%+v", p)
	}
	if err := json.Unmarshal([]byte(`{"retry":{"attemts":5}}`), &p); err == nil {
		t.Error("an unknown setting was taken")
	}
}
