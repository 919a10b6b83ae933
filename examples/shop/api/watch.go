package api

import (
	"iter"
	"time"

	"github.com/sinew-go/sinew/transport/rest"
)

// WatchOrder streams the status of an order as it changes. The stream ends when the order is
// delivered, cancelled or refunded.
var WatchOrder = rest.Route[*OrderWatch, iter.Seq2[rest.Event[OrderProgress], error]]{Pattern: "GET /orders/{id}/events"}

// OrderWatch asks for the status of an order. Last is the status that its sender has seen
// last, which is the ID of an event.
type OrderWatch struct {
	ID   string      `path:"id" json:"-"`
	Last OrderStatus `header:"Last-Event-ID" json:"-"`
}

// Validate refuses a malformed ID.
func (w *OrderWatch) Validate() error { return validIDs(w.ID) }

// OrderProgress is what an order has become.
type OrderProgress struct {
	OrderID string      `json:"order_id"`
	Status  OrderStatus `json:"status"`
	At      time.Time   `json:"at"`
}
