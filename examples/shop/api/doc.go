// Package api is the contract of the shop: its entities, the routes and topics of its
// services, and the interfaces behind them. One service knows nothing else of another.
package api

// List is the response of every route that lists.
type List[T any] struct {
	Items []T `json:"items"`
}

// ListOf returns items as a List. No items are an empty list, not null.
func ListOf[T any](items []T) *List[T] {
	if items == nil {
		items = []T{}
	}
	return &List[T]{Items: items}
}

// ByID requests one entity.
type ByID struct {
	ID string `path:"id" json:"-"`
}

// Validate refuses a malformed ID.
func (r *ByID) Validate() error { return validIDs(r.ID) }
