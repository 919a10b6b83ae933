package simtest_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/simtest"
)

type placed struct{ Number int }

var orderPlaced = eventbus.Topic[placed]{Name: "order.placed"}

// shop is a world in which each order is an event that one of two mailers handles.
func shop(handle func(ctx context.Context, i *simtest.Instance, order placed) error) simtest.World {
	var numbers log[int]
	return simtest.World{
		For: 30 * time.Second,
		Services: []simtest.Service{
			{Name: "orders", Do: func(ctx context.Context, i *simtest.Instance) error {
				numbers.add(0)
				return orderPlaced.Publish(ctx, i.Service, placed{len(numbers.all)})
			}},
			{Name: "mail", Instances: 2, Start: func(i *simtest.Instance) error {
				return orderPlaced.Handle(i, "mail", func(ctx context.Context, order placed) error { return handle(ctx, i, order) })
			}},
		},
		Clients: []simtest.Client{{Calls: "orders", Rate: 20}},
	}
}

func TestEventsAreHandledInVirtualTimeByOneOfTheGroup(t *testing.T) {
	handled, by := map[int]int{}, map[int]int{}
	var all log[placed]
	res := simtest.Run(t, shop(func(ctx context.Context, i *simtest.Instance, order placed) error {
		if err := i.Work(ctx, simtest.Exponential(0, 20*time.Millisecond)); err != nil {
			return err
		}
		all.add(order)
		all.mu.Lock()
		defer all.mu.Unlock()
		handled[order.Number]++
		by[i.Number()]++
		return nil
	}))
	if len(handled) != res.Offered() || res.Offered() < 400 || slices.Max(slices.Collect(maps.Values(handled))) != 1 {
		t.Errorf("%d orders, %d handled", res.Offered(), len(handled))
	}
	if by[0] < 100 || by[1] < 100 {
		t.Errorf("handled by %v", by)
	}
}

func TestAnEventOfAKilledInstanceIsRedelivered(t *testing.T) {
	handled := map[int]int{}
	var by log[int]
	w := shop(func(ctx context.Context, i *simtest.Instance, order placed) error {
		err := i.Work(ctx, simtest.Fixed(time.Second))
		by.mu.Lock()
		defer by.mu.Unlock()
		if ctx.Err() == nil {
			handled[order.Number]++
		}
		return errors.Join(err, ctx.Err())
	})
	w.Clients[0].Rate = 1
	w.Script = []simtest.Event{simtest.At(10*time.Second, simtest.Kill("mail", 1)), simtest.At(15*time.Second, simtest.Restart("mail", 1))}
	res := simtest.Run(t, w)
	for n := 1; n <= res.Offered(); n++ {
		if handled[n] != 1 {
			t.Errorf("order %d was handled %d times", n, handled[n])
		}
	}
}
