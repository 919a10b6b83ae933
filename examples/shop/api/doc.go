// Package api is the contract of the shop: its entities, the routes and topics
// on which its services meet, and the operations behind them. It is all that
// one service knows of another.
package api

import (
	"errors"
	"fmt"
)

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

// require joins the sentences of all conditions that do not hold.
func require(conditions ...condition) error {
	var faults []error
	for _, c := range conditions {
		if !c.holds {
			faults = append(faults, errors.New(c.sentence))
		}
	}
	return errors.Join(faults...)
}

type condition struct {
	holds    bool
	sentence string
}

func given(text, name string) condition {
	return condition{text != "", name + " is required"}
}

func atLeast(n, least int, name string) condition {
	return condition{n >= least, fmt.Sprintf("%s must be at least %d", name, least)}
}
