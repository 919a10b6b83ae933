package consul_test

import (
	"log/slog"
	"maps"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/sinew-go/sinew/internal/realserver"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/registry/consul"
	"github.com/sinew-go/sinew/registry/registrytest"
)

const (
	ttl       = 3 * time.Second
	waitLimit = 20 * time.Second
)

func TestConsulKeepsTheRules(t *testing.T) {
	server := realserver.Consul(t)
	registrytest.Run(t, registrytest.Features{
		RealTime: true,
		TTL:      ttl,
		MaxDelay: waitLimit,
		Crash:    func(t *testing.T, r registry.Registry) { shut(t, r.(*consul.Registry)) },
		Lose: func(*testing.T) {
			server.Kill()
			server.Start()
		},
	}, func(t *testing.T) registry.Registry { return open(t, server) })
}

func open(t *testing.T, server *realserver.Server) *consul.Registry {
	t.Helper()
	r, err := consul.New(consul.Config{Address: server.Addr, TTL: ttl, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, r) })
	return r
}

func shut(t *testing.T, r *consul.Registry) {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// A service of another program has its weight in Consul's field only. Ours has it there,
// too.
func TestWeightsAreConsulsOwn(t *testing.T) {
	server := realserver.Consul(t)
	client, err := api.NewClient(&api.Config{Address: server.Addr})
	if err != nil {
		t.Fatal(err)
	}
	foreign := &api.AgentServiceRegistration{ID: "foreign", Name: "orders", Address: "10.0.0.1", Port: 80, Weights: &api.AgentWeights{Passing: 7, Warning: 1}}
	if err := client.Agent().ServiceRegister(foreign); err != nil {
		t.Fatal(err)
	}
	r := open(t, server)
	for _, c := range []struct {
		id       string
		metadata map[string]string
	}{
		{id: "heavy", metadata: map[string]string{"weight": "3"}},
		{id: "least", metadata: map[string]string{"weight": "0"}},
		{id: "plain", metadata: nil},
	} {
		i := registry.Instance{ID: c.id, Name: "orders", Endpoint: "http://10.0.0.2:80", Metadata: c.metadata}
		if err := r.Register(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	all, err := r.Services(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, i := range all {
		got[i.ID] = i.Weight()
	}
	if want := map[string]float64{"foreign": 7, "heavy": 3, "least": 0.001, "plain": 1}; !maps.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
	entries, _, err := client.Health().Service("orders", "", true, nil)
	if err != nil {
		t.Fatal(err)
	}
	passing := map[string]int{}
	for _, e := range entries {
		passing[e.Service.ID] = e.Service.Weights.Passing
	}
	if want := map[string]int{"foreign": 7, "heavy": 3, "least": 1, "plain": 1}; !maps.Equal(passing, want) {
		t.Errorf("in Consul %v, not %v", passing, want)
	}
}
