package consul

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/hashicorp/consul/api"
	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
)

func TestAnInstanceOfAnyIDIsRenewedAndRemoved(t *testing.T) {
	for _, id := range []string{
		"web//1", "web/1", "/web", "web/", "../../agent/leave", ".", "..", "a?b", "a#b", "a%2fb", "%", "a b", "größe", "~", "~2f", "a:b@c", strings.Repeat("x", 255),
	} {
		synctest.Test(t, func(t *testing.T) {
			a := newAgent()
			r := a.registry(t, Config{TTL: 3 * time.Second})
			if err := r.Register(t.Context(), orders(id)); err != nil {
				t.Fatalf("Register %q: %v", id, err)
			}
			bubble.Sleep(time.Minute)
			if all := listed(t, r); len(all) != 1 || all[0].ID != id || all[0].Status != registry.Healthy {
				t.Errorf("%q is not renewed: %+v", id, all)
			}
			if err := r.SetStatus(t.Context(), id, registry.Unhealthy); err != nil {
				t.Errorf("SetStatus %q: %v", id, err)
			}
			if err := r.Deregister(t.Context(), id); err != nil {
				t.Errorf("Deregister %q: %v", id, err)
			}
			if all := listed(t, r); len(all) != 0 {
				t.Errorf("%q is not removed: %+v", id, all)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func listed(t *testing.T, r *Registry) []registry.Instance {
	t.Helper()
	for all, err := range r.Watch(t.Context(), "orders") {
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	return nil
}

func TestIDsOfConsulAreOneToOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a~/.2fF ]{0,12}`)).Draw(t, "id")
		there := serviceID(id)
		if back := instanceID(there); back != id {
			t.Fatalf("%q is %q in Consul and comes back as %q", id, there, back)
		}
		if strings.ContainsFunc(there, func(r rune) bool { return r != '~' && unsafeInID(r) }) || strings.Trim(there, ".") == "" && there != "" {
			t.Fatalf("%q is %q in Consul", id, there)
		}
	})
	for _, id := range []string{"orders-1", "orders-abc.def:8080", "orders@10.0.0.1"} {
		if got := serviceID(id); got != id {
			t.Errorf("%s is %s in Consul", id, got)
		}
	}
}

func TestServiceOfOthersKeepsItsID(t *testing.T) {
	for _, id := range []string{"a~2fb", "a/b", "~", "~zz"} {
		if got := instance(&api.ServiceEntry{Service: &api.AgentService{ID: id, Service: "orders", Address: "10.0.0.1"}}).ID; got != id {
			t.Errorf("%s is read as %s", id, got)
		}
	}
}

func TestNamesThatConsulDoesNotFindAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent()
		r := a.registry(t, Config{})
		for _, name := range []string{"web//shop", "/web", "web/", ".", "..", "../agent/self", "web/./shop", "web\u202e"} {
			i := orders("1")
			i.Name = name
			if err := r.Register(t.Context(), i); !errors.Is(err, fault.InvalidArgument) {
				t.Errorf("Register %q: %v", name, err)
			}
			for _, err := range r.Watch(t.Context(), name) {
				if !errors.Is(err, fault.InvalidArgument) {
					t.Errorf("Watch %q: %v", name, err)
				}
				break
			}
		}
		if a.writes != 0 || len(a.queries) != 0 {
			t.Errorf("%d writes and %d queries", a.writes, len(a.queries))
		}
		for _, name := range []string{"web/shop", "web shop", "größe", "a%b", "web.shop"} {
			i := orders("1")
			i.Name = name
			if err := checkName(name); err != nil {
				t.Errorf("%q: %v", name, err)
			}
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestAPermanentRefusalIsNotUnavailable(t *testing.T) {
	for _, c := range []struct {
		status int
		code   fault.Code
	}{
		{status: 301, code: fault.InvalidArgument},
		{status: 400, code: fault.InvalidArgument},
		{status: 401, code: fault.Unauthenticated},
		{status: 403, code: fault.PermissionDenied},
		{status: 405, code: fault.InvalidArgument},
		{status: 413, code: fault.InvalidArgument},
		{status: 429, code: fault.Unavailable},
		{status: 500, code: fault.Unavailable},
		{status: 503, code: fault.Unavailable},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := newAgent()
			a.refuses = c.status
			r := a.registry(t, Config{})
			if err := r.Register(t.Context(), orders("1")); !errors.Is(err, c.code) {
				t.Errorf("%d: %v", c.status, err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheWeightIsConsulsToo(t *testing.T) {
	for _, c := range []struct {
		weight  string
		passing int
	}{
		{weight: "", passing: 0},
		{weight: "3", passing: 3},
		{weight: "2.6", passing: 3},
		{weight: "0.2", passing: 1},
		{weight: "0", passing: 1},
		{weight: "-1", passing: 1},
		{weight: "1e9", passing: 1000},
		{weight: "heavy", passing: 1},
	} {
		i := orders("1")
		if c.weight != "" {
			i.Metadata = map[string]string{"weight": c.weight}
		}
		got := Config{}.record(i).Weights
		if (got == nil) != (c.passing == 0) || got != nil && (got.Passing != c.passing || got.Warning != 1) {
			t.Errorf("weight %q: %+v", c.weight, got)
		}
	}
	for _, tt := range []struct {
		passing int
		meta    map[string]string
		want    float64
	}{
		{0, nil, 1}, {1, nil, 1}, {10, nil, 10}, {65535, nil, 1000}, {10, map[string]string{"weight": "2.5"}, 2.5}, {7, map[string]string{"scheme": "https"}, 7},
	} {
		i := instance(&api.ServiceEntry{Service: &api.AgentService{
			ID: "1", Service: "orders", Address: "10.0.0.1", Meta: tt.meta, Weights: api.AgentWeights{Passing: tt.passing, Warning: 1},
		}})
		if i.Weight() != tt.want {
			t.Errorf("passing %d beside %v: %v", tt.passing, tt.meta, i.Weight())
		}
	}
}
