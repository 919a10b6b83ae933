package e2e_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/internal/servicetest/api"
	"github.com/sinew-go/sinew/internal/servicetest/stock"
	"github.com/sinew-go/sinew/registry"
)

// startCallers starts n callers that call until stop is called. ended receives after their
// calls.
func startCallers(t *testing.T, reg registry.Registry, n int) (ended <-chan struct{}, stop func() (calls, failed int64)) {
	shop := servicetest.New(t, sinew.Config{Registry: reg})
	reserve := api.Reserve.Endpoint(shop.Client("inventory"))
	getStock := api.GetStock.Endpoint(shop.Client("inventory"))
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	answers := make(chan struct{})
	var calls, failed atomic.Int64
	var load sync.WaitGroup
	for range n {
		load.Go(func() {
			for ctx.Err() == nil {
				_, reserving := reserve(t.Context(), &api.ReserveRequest{ProductID: "p-1", Quantity: 1})
				_, looking := getStock(t.Context(), &api.StockRequest{ProductID: "p-1"})
				for _, err := range []error{reserving, looking} {
					calls.Add(1)
					if err != nil {
						failed.Add(1)
						t.Log(err)
					}
				}
				select {
				case answers <- struct{}{}:
				default:
				}
			}
		})
	}
	return answers, func() (int64, int64) {
		cancel()
		load.Wait()
		return calls.Load(), failed.Load()
	}
}

func TestNoCallFailsWhileEveryInstanceIsReplacedInTurn(t *testing.T) {
	reg := registry.NewMemory()
	c := sinew.Config{Registry: reg}
	fleet := []*sinew.Service{startWithDefaults(t, c), startWithDefaults(t, c), startWithDefaults(t, c)}
	answers, stop := startCallers(t, reg, 8)
	for n := range fleet {
		for range 20 {
			<-answers
		}
		if err := fleet[n].Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		fleet[n] = startWithDefaults(t, c)
	}
	for range 20 {
		<-answers
	}
	if calls, failed := stop(); failed > 0 {
		t.Errorf("%d of %d calls failed", failed, calls)
	}
	now, err := reg.Services(t.Context())
	if err != nil || len(now) != len(fleet) {
		t.Errorf("registered %v: %v", now, err)
	}
}

// startWithDefaults starts an inventory with the drain delay of the zero Config.
func startWithDefaults(t *testing.T, c sinew.Config) *sinew.Service {
	t.Helper()
	c.Addr, c.Logger = "127.0.0.1:0", servicetest.NoLog
	svc := sinew.New("inventory", c)
	api.Reserve.Handle(svc, stock.Reserve)
	api.GetStock.Handle(svc, stock.Get)
	return servicetest.Start(t, svc)
}
