package sinew_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/registry"
)

// local returns c on a free port of this machine, without a log, and without a drain
// delay.
func local(c sinew.Config) sinew.Config {
	if c.DrainDelay == 0 {
		c.DrainDelay = -1
	}
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	if c.Logger == nil {
		c.Logger = idleCallerTime
	}
	return c
}

func start(t testing.TB, svc *sinew.Service) *sinew.Service {
	t.Helper()
	t.Cleanup(func() { _ = svc.Shutdown(context.Background()) })
	if err := svc.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return svc
}

func inventory(t testing.TB, c sinew.Config) *sinew.Service {
	t.Helper()
	svc := sinew.New("inventory", local(c))
	api.Reserve.Handle(svc, stock.Reserve)
	api.GetStock.Handle(svc, stock.Get)
	return start(t, svc)
}

func client(t testing.TB, c sinew.Config) *sinew.Service {
	t.Helper()
	svc := sinew.New("shop", local(c))
	t.Cleanup(func() { _ = svc.Shutdown(context.Background()) })
	return svc
}

func get(t testing.TB, url string) (int, http.Header, string) {
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

func freeAddr(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func hasOwnAddress() bool {
	all, _ := net.InterfaceAddrs()
	return slices.ContainsFunc(all, func(a net.Addr) bool {
		ip, _, err := net.ParseCIDR(a.String())
		return err == nil && ip.IsGlobalUnicast()
	})
}

// advertised is an address that a service may advertise, whatever its registry.
const advertised = "inventory.internal:80"

// remote returns a registry that looks like one outside this process.
func remote() registry.Registry { return struct{ registry.Registry }{registry.NewMemory()} }
