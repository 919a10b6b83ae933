package api

import (
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/transport/rest"
)

// Shipment is an order on its way.
type Shipment struct {
	ID        string         `json:"id"`
	OrderID   string         `json:"order_id"`
	Status    ShipmentStatus `json:"status"`
	Tracking  string         `json:"tracking"`
	CreatedAt time.Time      `json:"created_at"`
}

// ShipmentStatus is how far a shipment has come.
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

// MarshalJSON writes null for none.
func (s ShipmentStatus) MarshalJSON() ([]byte, error) { return encode(s) }

// UnmarshalText refuses what is no status.
func (s *ShipmentStatus) UnmarshalText(text []byte) error {
	return parse(s, text, "shipment status", s.Enum())
}

// The routes of the logistics service.
var (
	ListShipments = rest.Route[*ShipmentFilter, *List[*Shipment]]{Pattern: "GET /shipments"}

	ShipmentRoutes = []rest.Forwarder{ListShipments}
)

// ShipmentMoved says that a shipment has come further, in order per order.
var ShipmentMoved = eventbus.Topic[Shipment]{Name: "shipment.status", Key: func(s Shipment) string { return s.OrderID }}

// ShipmentFilter picks the shipments of one order; none means all.
type ShipmentFilter struct {
	OrderID string `query:"order_id" json:"-"`
}
