package rest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// malformed are keys that are not kept.
var malformed = []string{strings.Repeat("k", 129), "schlüssel", "a\tb"}

// charging counts what its two routes, keyed and not, have charged.
func charging(charged *atomic.Int64) (mux *http.ServeMux, keyed, unkeyed rest.Route[*ReserveRequest, *Stock]) {
	mux = http.NewServeMux()
	charge := func(context.Context, *ReserveRequest) (*Stock, error) { charged.Add(1); return &Stock{}, nil }
	keyed = rest.Route[*ReserveRequest, *Stock]{Pattern: "POST /keyed/{product_id}", Keyed: true}
	unkeyed = rest.Route[*ReserveRequest, *Stock]{Pattern: "POST /unkeyed/{product_id}"}
	keyed.Handle(mux, charge)
	unkeyed.Handle(mux, charge)
	return mux, keyed, unkeyed
}

func TestAKeyThatCannotBeKeptIsRefusedWhereKeysCount(t *testing.T) {
	var charged atomic.Int64
	backend, keyed, unkeyed := charging(&charged)
	caller, _ := serve(t, backend)
	gateway := http.NewServeMux()
	keyed.Forward(gateway, caller)
	unkeyed.Forward(gateway, caller)
	for _, key := range malformed {
		for name, h := range map[string]http.Handler{"handler": backend, "behind Accept": rest.Accept(nil)(backend), "gateway": gateway} {
			charged.Store(0)
			w := ask(h, "POST", "/keyed/p", "application/json", `{"quantity":1}`, "Idempotency-Key", key)
			if p := problemOf(t, w); p.Status != 400 || !strings.Contains(p.Detail, "128") || charged.Load() != 0 {
				t.Errorf("%s: %q gave %+v, charged %d times", name, key, p, charged.Load())
			}
			if w := ask(h, "POST", "/unkeyed/p", "application/json", `{"quantity":1}`, "Idempotency-Key", key); w.Code != 200 || charged.Load() != 1 {
				t.Errorf("%s: %q on a route without keys gave %d, charged %d times", name, key, w.Code, charged.Load())
			}
		}
	}
}

func TestAKeyMadeByHandThatCannotTravelIsRefusedBeforeItIsSent(t *testing.T) {
	var charged atomic.Int64
	backend, keyed, unkeyed := charging(&charged)
	caller, _ := serve(t, backend)
	for _, key := range append(malformed, "a\nb") {
		charged.Store(0)
		ctx, _ := endpoint.WithCall(t.Context(), endpoint.Call{IdempotencyKey: key})
		_, err := keyed.Endpoint(caller)(ctx, &ReserveRequest{ProductID: "p", Quantity: 1})
		if !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), "128") || charged.Load() != 0 {
			t.Errorf("%q: %v, charged %d times", key, err, charged.Load())
		}
		if _, err := unkeyed.Endpoint(caller)(ctx, &ReserveRequest{ProductID: "p", Quantity: 1}); err != nil {
			t.Errorf("%q on a route without keys: %v", key, err)
		}
	}
}

func TestARequestThatDiffersInABoundHeaderIsAnother(t *testing.T) {
	type request struct {
		Tenant string  `header:"X-Tenant" json:"-"`
		Unit   *string `header:"X-Unit" json:"-"`
	}
	mux := http.NewServeMux()
	rest.Route[*request, rest.None]{Pattern: "POST /x", Keyed: true}.Handle(mux, func(context.Context, *request) (rest.None, error) { return rest.None{}, nil })
	send := func(header ...string) int {
		return ask(mux, "POST", "/x", "", "", append(header, "Idempotency-Key", "k")...).Code
	}
	for _, tt := range []struct {
		header []string
		want   int
	}{
		{[]string{"X-Tenant", "a"}, 204},
		{[]string{"X-Tenant", "a", "X-Other", "b"}, 204},
		{[]string{"X-Tenant", "b"}, 422},
		{[]string{"X-Tenant", "a", "X-Unit", ""}, 422},
		{nil, 422},
	} {
		if got := send(tt.header...); got != tt.want {
			t.Errorf("%q: %d, want %d", tt.header, got, tt.want)
		}
	}
}

func TestARequestThatDiffersInItsPathOrQueryIsAnother(t *testing.T) {
	type request struct {
		ID   string `path:"id" json:"-"`
		Unit string `query:"unit" json:"-"`
		N    int    `json:"n"`
	}
	mux := http.NewServeMux()
	acted := 0
	rest.Route[*request, rest.None]{Pattern: "POST /x/{id}", Keyed: true}.Handle(mux, func(context.Context, *request) (rest.None, error) {
		acted++
		return rest.None{}, nil
	})
	for _, tt := range []struct {
		target string
		want   int
	}{{"/x/1?unit=kg?", 204}, {"/x/1?unit=kg?", 204}, {"/x/2?unit=kg?", 422}, {"/x/1?unit=g", 422}, {"/x/1", 422}, {"/x/1%3Funit=kg", 422}} {
		w := ask(mux, "POST", tt.target, "application/json", `{"n":1}`, "Idempotency-Key", "k")
		if w.Code != tt.want || tt.want == 422 && problemOf(t, w).Reason != "key_reused" || acted != 1 {
			t.Errorf("%s: %d %s, acted %d times", tt.target, w.Code, w.Body, acted)
		}
	}
}

func TestKeysOfCallersAreApart(t *testing.T) {
	var charged atomic.Int64
	mux, _, _ := charging(&charged)
	caller := [][]string{nil, {"Cookie", "session=ann"}, {"Cookie", "session=bob"}, {"Authorization", "session=ann"}}
	for n, header := range caller {
		for range 2 {
			w := ask(mux, "POST", "/keyed/p", "application/json", fmt.Sprintf(`{"quantity":%d}`, n+1), append(header, "Idempotency-Key", "k")...)
			if w.Code != 200 || charged.Load() != int64(n+1) {
				t.Errorf("%q: %d, charged %d times", header, w.Code, charged.Load())
			}
		}
	}
}
