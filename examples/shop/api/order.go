package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// Order is an order of a user.
type Order struct {
	ID          string       `json:"id"`
	UserID      string       `json:"user_id"`
	Items       []OrderItem  `json:"items"`
	Status      OrderStatus  `json:"status"`
	TotalAmount Money        `json:"total_amount"`
	Currency    string       `json:"currency"`
	Shipping    ShippingInfo `json:"shipping"`
	Billing     BillingInfo  `json:"billing"`
	Payment     PaymentInfo  `json:"payment"`
	Metadata    Metadata     `json:"metadata"`
	CreatedAt   time.Time    `json:"created_at"`
	UpdatedAt   time.Time    `json:"updated_at"`
	ShippedAt   *time.Time   `json:"shipped_at"`
	DeliveredAt *time.Time   `json:"delivered_at"`
}

// OrderItem is one line of an order, with the product at the time of the order.
type OrderItem struct {
	ID          string `json:"id"`
	ProductID   string `json:"product_id"`
	ProductName string `json:"product_name"`
	Quantity    int    `json:"quantity"`
	UnitPrice   Money  `json:"unit_price"`
	TotalPrice  Money  `json:"total_price"`
	SKU         string `json:"sku"`
	Variant     string `json:"variant"`
}

// ShippingInfo is how an order is shipped.
type ShippingInfo struct {
	Method            string     `json:"method"`
	Address           Address    `json:"address"`
	Tracking          string     `json:"tracking"`
	EstimatedDelivery *time.Time `json:"estimated_delivery"`
	ActualDelivery    *time.Time `json:"actual_delivery"`
}

// BillingInfo is who gets the invoice.
type BillingInfo struct {
	Address Address `json:"address"`
	TaxID   string  `json:"tax_id"`
}

// Address is a postal address.
type Address struct {
	Street     string `json:"street"`
	City       string `json:"city"`
	State      string `json:"state"`
	PostalCode string `json:"postal_code"`
	Country    string `json:"country"`
}

// OrderStatus is the progress of an order.
type OrderStatus string

// The statuses of an order.
const (
	OrderPending    OrderStatus = "pending"
	OrderConfirmed  OrderStatus = "confirmed"
	OrderProcessing OrderStatus = "processing"
	OrderShipped    OrderStatus = "shipped"
	OrderDelivered  OrderStatus = "delivered"
	OrderCancelled  OrderStatus = "cancelled"
	OrderRefunded   OrderStatus = "refunded"
)

// Enum lists the statuses.
func (OrderStatus) Enum() []string {
	return []string{"pending", "confirmed", "processing", "shipped", "delivered", "cancelled", "refunded"}
}

// MarshalJSON writes an empty status as null.
func (s OrderStatus) MarshalJSON() ([]byte, error) { return encode(s) }

// UnmarshalText refuses unknown statuses.
func (s *OrderStatus) UnmarshalText(text []byte) error {
	return parse(s, text, "order status", s.Enum())
}

// May reports whether an order may change from this status to next. A processing order is
// with logistics and cannot be cancelled.
func (s OrderStatus) May(next OrderStatus) bool { return slices.Contains(following[s], next) }

var following = map[OrderStatus][]OrderStatus{
	OrderPending:    {OrderConfirmed, OrderCancelled},
	OrderConfirmed:  {OrderProcessing, OrderCancelled, OrderRefunded},
	OrderProcessing: {OrderShipped},
	OrderShipped:    {OrderDelivered},
	OrderDelivered:  {OrderRefunded},
}

// OrderService is the interface of the order service.
type OrderService interface {
	CreateOrder(ctx context.Context, order *Order) error
	GetOrder(ctx context.Context, id string) (*Order, error)
	UpdateOrder(ctx context.Context, order *Order) error
	CancelOrder(ctx context.Context, id string) error
	GetOrdersByUser(ctx context.Context, userID string) ([]*Order, error)
	UpdateOrderStatus(ctx context.Context, id string, status OrderStatus) error
	ProcessOrder(ctx context.Context, orderID string) error
}

// The routes of the order service.
var (
	CreateOrder = rest.Route[*CreateOrderRequest, *Order]{
		Pattern: "POST /orders", Keyed: true, Status: http.StatusCreated,
		Summary:  "Places an order, which reserves its stock.",
		Failures: []error{fault.NotFound, insufficientStock, inactiveUser},
	}
	GetOrder = rest.Route[*ByID, *Order]{
		Pattern:  "GET /orders/{id}",
		Summary:  "Returns an order.",
		Failures: []error{fault.NotFound},
	}
	UpdateOrder = rest.Route[*OrderUpdate, *Order]{
		Pattern:  "PUT /orders/{id}",
		Summary:  "Sets what may change of an order.",
		Failures: []error{fault.NotFound},
	}
	CancelOrder = rest.Route[*ByID, *Order]{
		Pattern:  "POST /orders/{id}/cancel",
		Summary:  "Cancels an order, which frees its stock.",
		Failures: []error{fault.NotFound, illegalTransition},
	}
	ListOrders = rest.Route[*OrderFilter, *List[*Order]]{
		Pattern: "GET /orders",
		Summary: "Lists the orders.",
	}
	UpdateOrderStatus = rest.Route[*OrderStatusChange, *Order]{
		Pattern:  "PUT /orders/{id}/status",
		Summary:  "Sets the status of an order.",
		Failures: []error{fault.NotFound, illegalTransition},
	}

	OrderRoutes = []rest.Forwarder{CreateOrder, GetOrder, UpdateOrder, CancelOrder, ListOrders, UpdateOrderStatus, WatchOrder}
)

// The topics of the order service, in order per order.
var (
	OrderCreated       = eventbus.Topic[OrderCreatedEvent]{Name: "order.created", Key: func(e OrderCreatedEvent) string { return e.OrderID }}
	OrderStatusChanged = eventbus.Topic[Order]{Name: "order.status", Key: func(o Order) string { return o.ID }}
)

// CreateOrderRequest places an order.
type CreateOrderRequest struct {
	UserID   string             `json:"user_id" schema:"required,minLength=1" doc:"Who buys." example:"u-1"`
	Items    []OrderItemRequest `json:"items" schema:"required,minItems=1"`
	Shipping ShippingInfo       `json:"shipping"`
	Billing  BillingInfo        `json:"billing"`
}

// OrderItemRequest is a product and its quantity.
type OrderItemRequest struct {
	ProductID string `json:"product_id" schema:"required,minLength=1" example:"p-1"`
	Quantity  int    `json:"quantity" schema:"required,minimum=1,maximum=1000000000" example:"1"`
}

// Validate requires a user and at least one item, each with a product and a quantity of 1
// or more.
func (r *CreateOrderRequest) Validate() error {
	conditions := []condition{required(r.UserID, "user_id"), {len(r.Items) > 0, "items must hold at least one item"}}
	ids, pieces := []string{r.UserID}, map[string]int{}
	for i, item := range r.Items {
		name := fmt.Sprintf("items[%d].", i)
		conditions = append(conditions, required(item.ProductID, name+"product_id"), inRange(item.Quantity, 1, name+"quantity"))
		if pieces[item.ProductID] <= MostPieces { // a larger sum is refused, and need not be exact
			pieces[item.ProductID] += min(item.Quantity, MostPieces)
		}
		ids = append(ids, item.ProductID)
	}
	err := cmp.Or(require(conditions...), validIDs(ids...))
	for id, n := range pieces {
		if err == nil && n > MostPieces {
			err = Conflict("insufficient_stock", "items hold more than %d of product %s", MostPieces, id)
		}
	}
	return err
}

// OrderCreatedEvent reports that an order has reserved its stock and waits for payment.
type OrderCreatedEvent struct {
	OrderID     string      `json:"order_id"`
	UserID      string      `json:"user_id"`
	TotalAmount Money       `json:"total_amount"`
	Items       []OrderItem `json:"items"`
	Timestamp   time.Time   `json:"timestamp"`
}

// OrderUpdate sets the shipping method, addresses, billing and metadata of an order.
// Other members are ignored.
type OrderUpdate struct {
	PathID string `path:"id" json:"-"`
	Order
}

// Validate refuses a malformed ID.
func (o *OrderUpdate) Validate() error { return validIDs(o.PathID) }

// OrderFilter selects the orders of one user, or all.
type OrderFilter struct {
	UserID string `query:"user_id" json:"-"`
}

// OrderStatusChange sets the status of an order.
type OrderStatusChange struct {
	ID     string      `path:"id" json:"-"`
	Status OrderStatus `json:"status" schema:"required"`
}

// Validate requires a status.
func (c *OrderStatusChange) Validate() error {
	return cmp.Or(require(required(string(c.Status), "status")), validIDs(c.ID))
}
