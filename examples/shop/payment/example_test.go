package payment_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/payment"
	"github.com/sinew-go/sinew/examples/shop/stripe"
	"github.com/sinew-go/sinew/transport/rest"
)

func ExampleProvider() {
	bank := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"error":{"type":"card_error","code":"card_declined"}}`, http.StatusPaymentRequired)
	}))
	defer bank.Close()

	var provider payment.Provider = stripe.New(rest.Remote(bank.URL, bank.Client()), "sk_test_1")
	_, err := provider.Charge(context.Background(), &api.Payment{ID: "pay-1", Amount: 1913, Currency: "USD"})
	fmt.Println(err)
	// Output: failed_precondition: the bank declined 19.13 USD
}
