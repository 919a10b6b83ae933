// Package stripe speaks the part of Stripe's API that a shop needs: it charges a payment,
// refunds it, and reads signed webhooks.
//
// It speaks to Stripe, to stripe-mock, and to package bank, the stand-in on this machine.
// They differ in a URL and a key.
package stripe

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// Form is a request, as Stripe reads it.
type Form struct {
	Authorization string `header:"Authorization" json:"-"`
	Body          []byte `body:"application/x-www-form-urlencoded"`
}

// Intent is Stripe's PaymentIntent: a payment and what became of it.
type Intent struct {
	ID       string            `json:"id"`
	Object   string            `json:"object"`
	Status   string            `json:"status"`
	Amount   int64             `json:"amount"`
	Currency string            `json:"currency"`
	Metadata map[string]string `json:"metadata"`
	Error    *Error            `json:"last_payment_error"`
}

// The statuses of an Intent that are at their end.
const (
	Succeeded             = "succeeded"
	RequiresPaymentMethod = "requires_payment_method" // also that of an Intent that nobody tried to pay yet
)

// Error is why a request or a payment failed.
type Error struct {
	Type    string `json:"type"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
}

// CardError is the Type of an Error that a bank made: it declined.
const CardError = "card_error"

// IsDeclined reports whether the payment has failed for good.
func (i *Intent) IsDeclined() bool {
	return i.Status == RequiresPaymentMethod && i.Error != nil && i.Error.Type == CardError
}

// Refund is the return of a payment.
type Refund struct {
	ID     string `json:"id"`
	Object string `json:"object"`
	Intent string `json:"payment_intent"`
	Amount int64  `json:"amount"`
	Status string `json:"status"`
}

// The routes of the API.
var (
	CreateIntent = rest.Route[*Form, *Intent]{Pattern: "POST /v1/payment_intents", Keyed: true}
	CreateRefund = rest.Route[*Form, *Refund]{Pattern: "POST /v1/refunds", Keyed: true}
)

// Client is a payment.Provider at Stripe.
type Client struct {
	key    string
	charge endpoint.Endpoint[*Form, *Intent]
	refund endpoint.Endpoint[*Form, *Refund]
}

// New returns a client of the API behind c, with a secret key such as "sk_test_…".
func New(c call.Caller, key string) *Client {
	return &Client{key: key, charge: CreateIntent.Endpoint(c), refund: CreateRefund.Endpoint(c)}
}

// Charge charges a payment once, however often it is called for it. It returns the ID of
// the PaymentIntent, or declines with fault.FailedPrecondition. After any other error it
// is unknown whether the money was transferred.
func (c *Client) Charge(ctx context.Context, p *api.Payment) (string, error) {
	intent, err := c.charge(keyed(ctx, p.ID), c.form(url.Values{
		"amount":   {strconv.FormatInt(int64(p.Amount), 10)},
		"currency": {strings.ToLower(p.Currency)},
		"confirm":  {"true"}, "payment_method": {"pm_card_visa"},
		"automatic_payment_methods[enabled]": {"true"}, "automatic_payment_methods[allow_redirects]": {"never"},
		"metadata[payment_id]": {p.ID}, "metadata[order_id]": {p.OrderID},
	}))
	failed, ok := errors.AsType[*fault.Error](err)
	switch {
	case ok && failed.Status == http.StatusPaymentRequired:
		return "", declined(p)
	case err != nil:
		return "", err
	case intent.IsDeclined():
		return intent.ID, declined(p)
	case intent.Status != Succeeded:
		return intent.ID, fault.Unavailable.Errorf("the payment intent %s is %s", intent.ID, intent.Status)
	}
	return intent.ID, nil
}

// Refund returns the money of a payment once, however often it is called for it.
func (c *Client) Refund(ctx context.Context, p *api.Payment) error {
	_, err := c.refund(keyed(ctx, p.ID+"-refund"), c.form(url.Values{"payment_intent": {p.TransactionID}}))
	return err
}

func (c *Client) form(values url.Values) *Form {
	return &Form{Authorization: "Bearer " + c.key, Body: []byte(values.Encode())}
}

// keyed gives the call its idempotency key: all calls with one key are one call to Stripe.
func keyed(ctx context.Context, key string) context.Context {
	return call.With(ctx, call.Record{IdempotencyKey: key})
}

func declined(p *api.Payment) error {
	return fault.FailedPrecondition.Errorf("the bank declined %s %s", p.Amount, p.Currency)
}
