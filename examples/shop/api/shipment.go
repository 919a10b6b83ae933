package api

import (
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/transport/rest"
)

// Shipment is the shipment of an order.
type Shipment struct {
	ID        string         `json:"id"`
	OrderID   string         `json:"order_id"`
	Status    ShipmentStatus `json:"status"`
	Tracking  string         `json:"tracking"`
	CreatedAt time.Time      `json:"created_at"`
}

// ShipmentStatus is the progress of a shipment.
type ShipmentStatus string

// The statuses of a shipment.
const (
	ShipmentPreparing ShipmentStatus = "preparing"
	ShipmentShipped   ShipmentStatus = "shipped"
	ShipmentDelivered ShipmentStatus = "delivered"
	ShipmentCancelled ShipmentStatus = "cancelled"
)

// Enum lists the statuses.
func (ShipmentStatus) Enum() []string {
	return []string{"preparing", "shipped", "delivered", "cancelled"}
}

// MarshalJSON writes an empty status as null.
func (s ShipmentStatus) MarshalJSON() ([]byte, error) { return encode(s) }

// UnmarshalText refuses unknown statuses.
func (s *ShipmentStatus) UnmarshalText(text []byte) error {
	return parse(s, text, "shipment status", s.Enum())
}

// The routes of the logistics service.
var (
	ListShipments = rest.Route[*ShipmentFilter, *List[*Shipment]]{
		Pattern: "GET /shipments",
		Summary: "Lists the shipments.",
	}

	ShipmentRoutes = []rest.Forwarder{ListShipments}
)

// ShipmentMoved reports the progress of a shipment, in order per order.
var ShipmentMoved = eventbus.Topic[Shipment]{Name: "shipment.status", Key: func(s Shipment) string { return s.OrderID }}

// ShipmentFilter selects the shipments of one order, or all.
type ShipmentFilter struct {
	OrderID string `query:"order_id" json:"-"`
}
