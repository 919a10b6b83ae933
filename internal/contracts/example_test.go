package contracts_test

import (
	"fmt"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/internal/contracts"
	"github.com/sinew-go/sinew/transport/rest"
)

type order struct {
	ID string `json:"id"`
}

func Example() {
	for _, d := range []contracts.Described{
		rest.Route[order, endpoint.None]{Pattern: "POST /orders", Keyed: true},
		eventbus.Topic[order]{Name: "order.placed"},
	} {
		op := d.Describe()
		fmt.Println(op.Kind, op.Name, op.Keyed, op.Request.Type, op.Event.Type)
	}
	// Output:
	// route POST /orders true contracts_test.order <nil>
	// topic order.placed false <nil> contracts_test.order
}
