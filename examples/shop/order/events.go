package order

import (
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/eventstore"
	"github.com/sinew-go/sinew/examples/shop/api"
)

// What happens to an order.
type (
	// orderAccepted begins an order, which has not reserved its stock. Request is the keyed
	// request that created it.
	orderAccepted struct {
		Order   api.Order `json:"order"`
		Request string    `json:"request"`
	}
	// orderPlaced says that every item is reserved.
	orderPlaced struct{}
	// orderEdited says how the buyer wants it from now on.
	orderEdited struct {
		Method   string          `json:"method"`
		Address  api.Address     `json:"address"`
		Billing  api.BillingInfo `json:"billing"`
		Metadata api.Metadata    `json:"metadata"`
		At       time.Time       `json:"at"`
	}
	// orderPaid has the result of a payment, which may be that it failed.
	orderPaid struct {
		Payment api.PaymentInfo `json:"payment"`
	}
	// orderPaidLate says that money came for an order that is over. It is returned.
	orderPaidLate struct {
		Payment api.PaymentInfo `json:"payment"`
	}
	// orderRepaid says that its money is returned.
	orderRepaid struct{}
	// orderMoved has its new status.
	orderMoved struct {
		Status api.OrderStatus `json:"status"`
		At     time.Time       `json:"at"`
	}
	// orderTracked says where its shipment is: the status is shipped or delivered.
	orderTracked struct {
		Tracking string          `json:"tracking"`
		Status   api.OrderStatus `json:"status"`
		At       time.Time       `json:"at"`
	}
)

var (
	accepted = eventbus.Topic[orderAccepted]{Name: "order.accepted"}
	placed   = eventbus.Topic[orderPlaced]{Name: "order.placed"}
	edited   = eventbus.Topic[orderEdited]{Name: "order.edited"}
	paid     = eventbus.Topic[orderPaid]{Name: "order.paid"}
	paidLate = eventbus.Topic[orderPaidLate]{Name: "order.paid_late"}
	repaid   = eventbus.Topic[orderRepaid]{Name: "order.repaid"}
	moved    = eventbus.Topic[orderMoved]{Name: "order.moved"}
	tracked  = eventbus.Topic[orderTracked]{Name: "order.tracked"}
)

// record is what follows from the events of an order. Placed is set once every item is
// reserved. Request is the keyed request that created the order.
type record struct {
	api.Order
	Placed  bool   `json:"placed"`
	Request string `json:"request"`
}

var orders = eventstore.Aggregate[record]{Name: "order", Folds: eventstore.Folds[record]{
	eventstore.On(accepted, record.accepted),
	eventstore.On(placed, record.placed),
	eventstore.On(edited, record.edited),
	eventstore.On(paid, record.paid),
	eventstore.On(paidLate, record.paidLate),
	eventstore.On(repaid, record.repaid),
	eventstore.On(moved, record.moved),
	eventstore.On(tracked, record.tracked),
}}

func (record) accepted(e orderAccepted) record { return record{Order: e.Order, Request: e.Request} }

func (r record) placed(orderPlaced) record {
	r.Placed = true
	return r
}

func (r record) edited(e orderEdited) record {
	r.Shipping.Method, r.Shipping.Address, r.Billing, r.Metadata = e.Method, e.Address, e.Billing, e.Metadata
	r.UpdatedAt = e.At
	return r
}

func (r record) paid(e orderPaid) record {
	r.Payment = e.Payment
	return r
}

func (r record) paidLate(e orderPaidLate) record {
	r.Payment = e.Payment
	return r.repaid(orderRepaid{})
}

func (r record) repaid(orderRepaid) record {
	if r.Payment.Status == api.PaymentCompleted {
		r.Payment.Status = api.PaymentRefunded
	}
	return r
}

// moved returns the order with its new status. One that is over after its payment is repaid.
func (r record) moved(e orderMoved) record {
	r.Status, r.UpdatedAt = e.Status, e.At
	if isOver(e.Status) {
		return r.repaid(orderRepaid{})
	}
	return r
}

func (r record) tracked(e orderTracked) record {
	r.Shipping.Tracking = e.Tracking
	switch e.Status {
	case api.OrderShipped:
		r.ShippedAt = &e.At
	case api.OrderDelivered:
		r.DeliveredAt, r.Shipping.ActualDelivery = &e.At, &e.At
	}
	return r
}
