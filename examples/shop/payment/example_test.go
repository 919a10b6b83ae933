package payment_test

import (
	"context"
	"fmt"

	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/payment"
)

func ExampleDemo() {
	for _, amount := range []api.Money{1999, 1913} {
		_, err := payment.Demo{}.Charge(context.Background(), &api.Payment{Amount: amount, Currency: "USD"})
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// failed_precondition: the bank declined 19.13 USD
}
