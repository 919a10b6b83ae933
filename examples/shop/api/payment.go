package api

import (
	"cmp"
	"net/http"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// Payment is one attempt to pay an order.
type Payment struct {
	ID            string        `json:"id"`
	OrderID       string        `json:"order_id"`
	Method        PaymentMethod `json:"method"`
	Status        PaymentStatus `json:"status"`
	TransactionID string        `json:"transaction_id"`
	Amount        Money         `json:"amount"`
	Currency      string        `json:"currency"`
	ProcessedAt   *time.Time    `json:"processed_at"`
}

// PaymentInfo is the payment in an order.
type PaymentInfo struct {
	Method        PaymentMethod `json:"method"`
	Status        PaymentStatus `json:"status"`
	TransactionID string        `json:"transaction_id"`
	Amount        Money         `json:"amount"`
	Currency      string        `json:"currency"`
	ProcessedAt   *time.Time    `json:"processed_at"`
}

// PaymentMethod is a means of payment.
type PaymentMethod string

// The methods of payment.
const (
	CreditCard   PaymentMethod = "credit_card"
	DebitCard    PaymentMethod = "debit_card"
	PayPal       PaymentMethod = "paypal"
	BankTransfer PaymentMethod = "bank_transfer"
	Crypto       PaymentMethod = "crypto"
)

// Enum lists the methods.
func (PaymentMethod) Enum() []string {
	return []string{"credit_card", "debit_card", "paypal", "bank_transfer", "crypto"}
}

// MarshalJSON writes an empty method as null.
func (m PaymentMethod) MarshalJSON() ([]byte, error) { return encode(m) }

// UnmarshalText refuses unknown methods.
func (m *PaymentMethod) UnmarshalText(text []byte) error {
	return parse(m, text, "payment method", m.Enum())
}

// PaymentStatus is the progress of a payment.
type PaymentStatus string

// The statuses of a payment.
const (
	PaymentPending    PaymentStatus = "pending"
	PaymentProcessing PaymentStatus = "processing"
	PaymentCompleted  PaymentStatus = "completed"
	PaymentFailed     PaymentStatus = "failed"
	PaymentRefunded   PaymentStatus = "refunded"
)

// Enum lists the statuses.
func (PaymentStatus) Enum() []string {
	return []string{"pending", "processing", "completed", "failed", "refunded"}
}

// MarshalJSON writes an empty status as null.
func (s PaymentStatus) MarshalJSON() ([]byte, error) { return encode(s) }

// UnmarshalText refuses unknown statuses.
func (s *PaymentStatus) UnmarshalText(text []byte) error {
	return parse(s, text, "payment status", s.Enum())
}

// The routes of the payment service.
var (
	CreatePayment = rest.Route[*PaymentRequest, *Payment]{
		Pattern: "POST /payments", Keyed: true, Status: http.StatusCreated,
		Summary:  "Pays an order.",
		Failures: []error{fault.NotFound, illegalTransition},
	}
	GetPayment = rest.Route[*ByID, *Payment]{
		Pattern:  "GET /payments/{id}",
		Summary:  "Returns a payment.",
		Failures: []error{fault.NotFound},
	}

	PaymentRoutes = []rest.Forwarder{CreatePayment, GetPayment}
)

// PaymentFinished reports the result of a payment, in order per order.
var PaymentFinished = eventbus.Topic[Payment]{Name: "payment.finished", Key: func(p Payment) string { return p.OrderID }}

// PaymentRequest pays an order.
type PaymentRequest struct {
	OrderID string        `json:"order_id" schema:"required,minLength=1" example:"o-1"`
	Method  PaymentMethod `json:"method" schema:"required"`
}

// Validate requires an order and a method.
func (r *PaymentRequest) Validate() error {
	return cmp.Or(require(required(r.OrderID, "order_id"), required(string(r.Method), "method")), validIDs(r.OrderID))
}
