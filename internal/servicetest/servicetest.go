// Package servicetest has what the tests of package sinew share with those of
// internal/e2e: services on free ports of this machine and ways to ask them. What it
// starts ends with the test.
package servicetest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/servicetest/api"
	"github.com/sinew-go/sinew/internal/servicetest/stock"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/transport/rest"
)

// NoLog discards what is logged.
var NoLog = slog.New(slog.DiscardHandler)

// InventoryAddress is a Config.Static in which the service inventory has one instance.
// Nothing listens there.
var InventoryAddress = map[string][]string{"inventory": {"http://10.0.0.1:80"}}

// Read is a route that is safe to repeat, for services of any name.
var Read = rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /look"}

// Local returns c on a free port of this machine, without a log, and without a drain
// delay, each unless c sets it.
func Local(c sinew.Config) sinew.Config {
	if c.DrainDelay == 0 {
		c.DrainDelay = -1
	}
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	if c.Logger == nil {
		c.Logger = NoLog
	}
	return c
}

// New returns a service "shop" that is not started, with the Config of Local.
func New(t testing.TB, c sinew.Config) *sinew.Service {
	t.Helper()
	svc := sinew.New("shop", Local(c))
	t.Cleanup(func() { _ = svc.Shutdown(context.Background()) })
	return svc
}

// Start starts svc and returns it.
func Start(t testing.TB, svc *sinew.Service) *sinew.Service {
	t.Helper()
	t.Cleanup(func() { _ = svc.Shutdown(context.Background()) })
	if err := svc.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return svc
}

// StartInventory starts the service of packages api and stock, with the Config of Local.
func StartInventory(t testing.TB, c sinew.Config) *sinew.Service {
	t.Helper()
	svc := sinew.New("inventory", Local(c))
	api.Reserve.Handle(svc, stock.Reserve)
	api.GetStock.Handle(svc, stock.Get)
	return Start(t, svc)
}

// Get returns the answer to a GET. It leaves no connection open.
func Get(t testing.TB, url string) (int, http.Header, string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(body)
}

// Ask returns what a service without a socket answers to a trusted caller.
func Ask(svc *sinew.Service, method, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{{}}}}
	w := httptest.NewRecorder()
	svc.Handler().ServeHTTP(w, r)
	return w
}

// Series returns the lines of the service's metrics that start with prefix.
func Series(svc *sinew.Service, prefix string) (lines []string) {
	for line := range strings.Lines(Ask(svc, "GET", "/metrics").Body.String()) {
		if strings.HasPrefix(line, prefix) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// WaitForInstances waits until the registry has n instances of the service inventory.
func WaitForInstances(t testing.TB, reg registry.Discoverer, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for now := range reg.Watch(ctx, "inventory") {
		if len(now) == n {
			return
		}
	}
	t.Fatalf("never %d instances", n)
}

// RemoteRegistry returns a registry that looks like one outside this process.
func RemoteRegistry() registry.Registry {
	return struct{ registry.Registry }{registry.NewMemory()}
}

// FreeAddr returns an address of this machine where nothing listens.
func FreeAddr(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
