package payment

import (
	"context"
	"crypto/rand"

	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/fault"
)

// Demo is a Provider that transfers no money. It declines amounts that end in 13 cents,
// to show a declined payment.
type Demo struct{}

// Charge implements [Provider].
func (Demo) Charge(_ context.Context, p *api.Payment) (string, error) {
	transaction := "tx-" + rand.Text()
	if p.Amount%100 == 13 {
		return transaction, fault.FailedPrecondition.Errorf("the bank declined %s %s", p.Amount, p.Currency)
	}
	return transaction, nil
}
