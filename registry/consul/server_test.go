package consul_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/sinew-go/sinew/internal/realserver"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/registry/consul"
	"github.com/sinew-go/sinew/registry/registrytest"
)

const (
	ttl      = 3 * time.Second
	patience = 20 * time.Second
)

func TestConsulKeepsTheRules(t *testing.T) {
	server := realserver.Consul(t)
	registrytest.Run(t, registrytest.Features{
		TTL:      ttl,
		Patience: patience,
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
