package resttest_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
	"github.com/sinew-go/sinew/transport/rest/resttest"
)

// The contracts of two services.
var (
	Reserve = rest.Route[*Reservation, *Stock]{Pattern: "POST /inventory/{product_id}/reserve", Keyed: true}
	Place   = rest.Route[*Order, *Order]{Pattern: "POST /orders", Keyed: true}
)

type Reservation struct {
	ProductID string `path:"product_id" json:"-"`
	Quantity  int    `json:"quantity"`
}

type Stock struct {
	Available int `json:"available"`
}

type Order struct {
	ProductID string `json:"product_id"`
	Quantity  int    `json:"quantity"`
	Status    string `json:"status"`
}

// newOrderService is what is tested: a service that calls another one.
func newOrderService(c sinew.Config) *sinew.Service {
	c.Logger = slog.New(slog.DiscardHandler)
	svc := sinew.New("order", c)
	reserve := Reserve.Endpoint(svc.Client("inventory"))
	Place.Handle(svc, func(ctx context.Context, o *Order) (*Order, error) {
		if _, err := reserve(ctx, &Reservation{ProductID: o.ProductID, Quantity: o.Quantity}); err != nil {
			return nil, err
		}
		o.Status = "placed"
		return o, nil
	})
	return svc
}

func Example() {
	ctx := context.Background()
	var network resttest.Network
	defer network.Close()

	var inventory resttest.Fake
	network.Serve("inventory", &inventory)
	Reserve.Handle(&inventory, func(_ context.Context, r *Reservation) (*Stock, error) {
		if r.Quantity > 5 {
			return nil, fault.FailedPrecondition.Errorf("only 5 are left")
		}
		return &Stock{Available: 5 - r.Quantity}, nil
	})

	order := newOrderService(sinew.Config{Transport: &network, Static: network.Addresses()})
	defer order.Shutdown(ctx)
	network.Serve("order", order.Handler())
	place := Place.Endpoint(network.Caller("order"))

	placed, err := place(ctx, &Order{ProductID: "p-1", Quantity: 3})
	fmt.Println(placed.Status, err)
	_, err = place(ctx, &Order{ProductID: "p-1", Quantity: 9})
	fmt.Println(err)
	for _, call := range resttest.Calls(&inventory, Reserve) {
		fmt.Printf("%+v\n", *call)
	}
	// Output:
	// placed <nil>
	// failed_precondition: only 5 are left
	// {ProductID:p-1 Quantity:3}
	// {ProductID:p-1 Quantity:9}
}

// In a bubble of testing/synctest the time that a call waits passes at once.
func ExampleNetwork_synctest() {
	_ = func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var network resttest.Network
			defer network.Close()
			var inventory resttest.Fake
			network.Serve("inventory", &inventory)
			Reserve.Handle(&inventory, func(ctx context.Context, _ *Reservation) (*Stock, error) {
				<-ctx.Done() // it hangs
				return nil, ctx.Err()
			})
			order := newOrderService(sinew.Config{
				Transport: &network, Static: network.Addresses(),
				Clients: map[string]sinew.ClientPolicy{"inventory": {Timeout: time.Minute}},
			})
			defer order.Shutdown(context.Background())
			network.Serve("order", order.Handler())

			start := time.Now()
			_, err := Place.Endpoint(network.Caller("order"))(t.Context(), &Order{ProductID: "p-1", Quantity: 3})
			if fault.CodeOf(err) != fault.DeadlineExceeded || time.Since(start) > time.Minute {
				t.Errorf("a hanging inventory is answered with %v after %s", err, time.Since(start))
			}
		})
	}
	// Output:
}
