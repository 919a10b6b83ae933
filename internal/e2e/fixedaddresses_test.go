package e2e_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/internal/servicetest/api"
)

func TestAClientOfAFixedAddressIsReadyWhenTheAddressAcceptsConnections(t *testing.T) {
	asked := atomic.Int64{}
	up := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	down := "http://" + servicetest.FreeAddr(t)
	for _, c := range []struct {
		name  string
		urls  []string
		c     sinew.Config
		ready bool
	}{
		{name: "one that is up", urls: []string{up.URL}, ready: true},
		{name: "one that is down", urls: []string{down}},
		{name: "one of two", urls: []string{down, up.URL + "/base"}, ready: true},
		{name: "none of two", urls: []string{down, down + "/base"}},
		{name: "TLS, verified", urls: []string{secure.URL}, c: sinew.Config{TLS: secure.Client().Transport.(*http.Transport).TLSClientConfig}, ready: true},
		{name: "TLS that is not trusted", urls: []string{secure.URL}},
		{name: "a transport of its own", urls: []string{"http://10.0.0.1:80"}, c: sinew.Config{Transport: slowService{}}, ready: true},
	} {
		c.c.Static = map[string][]string{"inventory": c.urls}
		err := servicetest.New(t, c.c).Client("inventory").Ready(t.Context())
		if (err == nil) != c.ready || err != nil && (!errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "inventory")) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	shop := servicetest.New(t, sinew.Config{Static: map[string][]string{"inventory": {up.URL}}})
	up.Close()
	if err := shop.Client("inventory").Ready(t.Context()); err == nil {
		t.Error("it is ready, and nobody listens any more")
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := shop.Client("inventory").Ready(over); err == nil || asked.Load() != 0 {
		t.Errorf("%v; it was asked %d times", err, asked.Load())
	}
}

func TestOneOfThreeFixedAddressesThatListensServesAllCalls(t *testing.T) {
	live := servicetest.StartInventory(t, sinew.Config{})
	addresses := []string{live.URL()}
	for range 2 { // closed, so nothing listens there
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addresses = append(addresses, "http://"+l.Addr().String())
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	svc := servicetest.New(t, sinew.Config{Static: map[string][]string{"inventory": addresses}})
	get := api.GetStock.Endpoint(svc.Client("inventory"))
	for n := range 300 {
		if _, err := get(t.Context(), &api.StockRequest{ProductID: "p-1"}); err != nil {
			t.Fatalf("call %d: %v", n, err)
		}
	}
	if b := svc.Client("inventory").Snapshot().Breaker; b.State != "closed" {
		t.Errorf("the breaker is %s", b.State)
	}
}
