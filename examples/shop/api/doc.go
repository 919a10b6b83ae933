// Package api is the contract of the shop: its entities, the routes and topics
// on which its services meet, and the operations behind them. It is all that
// one service knows of another.
package api

// List is the answer of every route that lists.
type List[T any] struct {
	Items []T `json:"items"`
}

// ListOf is items as a List; nothing found is an empty list, not null.
func ListOf[T any](items []T) *List[T] {
	if items == nil {
		items = []T{}
	}
	return &List[T]{Items: items}
}

// ByID asks for one entity.
type ByID struct {
	ID string `path:"id" json:"-"`
}

// Validate refuses what nothing can have as its id.
func (r *ByID) Validate() error { return exists(r.ID) }
