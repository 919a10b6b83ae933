package sinew_test

import (
	"net"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/internal/servicetest/api"
)

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
