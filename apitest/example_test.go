package apitest_test

import (
	"fmt"
	"testing"

	"github.com/sinew-go/sinew/apitest"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/transport/rest"
)

type (
	GetOrder struct {
		ID string `path:"id" json:"-"`
	}
	Order struct {
		ID    string `json:"id"`
		Total string `json:"total"` // the file says that it was a number
		Note  string `json:"note"`  // is new
	}
)

// Get and Placed are the contract.
var (
	Get    = rest.Route[GetOrder, Order]{Pattern: "GET /orders/{id}"}
	Placed = eventbus.Topic[Order]{Name: "order.placed"}
)

// The file was written when the total of an order was a number, and before it had a note.
func ExampleGolden() {
	t := printing{} // a *testing.T in a test
	apitest.Golden(t, "testdata/orders.golden.json", Get, Placed)
	// Output:
	// GET /orders/{id} (and order.placed): total of the answer was integer and is string: bring it back, and add a member beside it, or run go test -update if no caller, subscriber or stored event of the old contract is left
}

// printing is a test that prints its errors.
type printing struct{ testing.TB }

func (printing) Helper() {}

func (printing) Error(args ...any) { fmt.Println(args...) }
