package sagatest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/sinew-go/sinew/saga"
	"github.com/sinew-go/sinew/saga/sagatest"
)

type Order struct {
	ID string `json:"id"`
}

// Stock is what the steps have an effect on.
type Stock map[string]int

func (s Stock) Reserve(_ context.Context, o Order) (Order, error) { s[o.ID] = 1; return o, nil }
func (s Stock) Release(_ context.Context, o Order) (Order, error) { s[o.ID] = 0; return o, nil }

func ship(_ context.Context, o Order) (Order, error) { return o, nil }

func ExampleCheckCrashes() {
	test := func(t *testing.T) {
		sagatest.CheckCrashes(t, func() sagatest.World[Order] {
			stock := Stock{}
			return sagatest.World[Order]{
				Definition: saga.Definition[Order]{Name: "checkout", Steps: []saga.Step[Order]{
					{Name: "reserve", Do: stock.Reserve, Undo: stock.Release},
					{Name: "ship", Do: ship},
				}},
				State: Order{ID: "o-7"},
				Check: func(end saga.Run[Order]) error {
					if reserved := stock["o-7"] == 1; reserved != (end.Phase == saga.Done) {
						return fmt.Errorf("reserved is %v", reserved)
					}
					return nil
				},
			}
		})
	}
	_ = test // go test calls it
}
