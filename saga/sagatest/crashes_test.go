package sagatest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/sinew-go/sinew/saga"
)

// order is the state of the sagas of these tests.
type order struct {
	ID       string `json:"id"`
	Reserved bool   `json:"reserved"`
}

// shop is what the steps have an effect on.
type shop struct {
	stock map[string]int // reserved, by order
	money map[string]int // charged, by order
}

func (s *shop) reserve(_ context.Context, o order) (order, error) {
	s.stock[o.ID] = 1
	o.Reserved = true
	return o, nil
}

func (s *shop) release(_ context.Context, o order) (order, error) {
	delete(s.stock, o.ID)
	return o, nil
}

func (s *shop) pay(_ context.Context, o order) (order, error) {
	s.money[o.ID] = 500
	return o, nil
}

func (s *shop) refund(_ context.Context, o order) (order, error) {
	delete(s.money, o.ID)
	return o, nil
}

func (s *shop) check(end saga.Run[order]) error {
	stock, money := s.stock["o-1"], s.money["o-1"]
	if end.Phase == saga.Done && (stock != 1 || money != 500) || end.Phase == saga.Undone && (stock != 0 || money != 0) {
		return fmt.Errorf("%d are reserved, and %d cents charged", stock, money)
	}
	return nil
}

// checkout returns a world in which change may break the saga.
func checkout(change func(s *shop, reserve, pay *saga.Step[order])) func() World[order] {
	return func() World[order] {
		s := &shop{stock: map[string]int{}, money: map[string]int{}}
		reserve := saga.Step[order]{Name: "reserve", Do: s.reserve, Undo: s.release}
		pay := saga.Step[order]{Name: "pay", Do: s.pay, Undo: s.refund, Timeout: time.Minute}
		if change != nil {
			change(s, &reserve, &pay)
		}
		return World[order]{
			Definition: saga.Definition[order]{Name: "checkout", Steps: []saga.Step[order]{reserve, pay}},
			State:      order{ID: "o-1"},
			Check:      s.check,
		}
	}
}

func TestASagaOfIdempotentStepsEndsWell(t *testing.T) { CheckCrashes(t, checkout(nil)) }

func TestASagaWithBranchesEventsAndPivotEndsWell(t *testing.T) {
	CheckCrashes(t, func() World[order] {
		s := &shop{stock: map[string]int{}, money: map[string]int{}}
		asked := saga.On(func(_ context.Context, o order, _ string) (order, error) { return o, nil })
		return World[order]{
			Definition: saga.Definition[order]{Name: "checkout", Steps: []saga.Step[order]{
				{Name: "both", Parallel: []saga.Step[order]{
					{Name: "reserve", Do: s.reserve, Undo: s.release},
					{Name: "pay", Steps: []saga.Step[order]{{Name: "ask", Event: asked}, {Name: "charge", Do: s.pay, Undo: s.refund}}},
				}},
				{Name: "pack", Do: s.reserve, Pivot: true, Pause: time.Minute},
				{Name: "ship", Do: s.pay},
			}},
			State:  order{ID: "o-1"},
			Events: map[string]any{"both/pay/ask": "yes"},
			Check:  s.check,
		}
	})
}

// found returns what CheckCrashes says of a world.
func found(t *testing.T, world func() World[order]) string {
	t.Helper()
	c := crashes[order]{world: world, run: func(s scenario) outcome { return simulate(t, world(), s) }}
	f := c.search()
	if f == nil {
		return ""
	}
	return f.String()
}

func TestWrongStepsAreFoundWithTheShortestSequence(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(s *shop, reserve, pay *saga.Step[order])
		want   string
	}{
		{"a Do that is not idempotent", func(s *shop, _, pay *saga.Step[order]) {
			pay.Do = func(_ context.Context, o order) (order, error) { s.money[o.ID] += 500; return o, nil }
		}, "the worker was killed after pay was done and before that was saved: the run is done, but 1 are reserved, and 1000 cents charged"},
		{"an Undo that does not accept that nothing was done", func(s *shop, _, pay *saga.Step[order]) {
			pay.Undo = func(_ context.Context, o order) (order, error) { s.money[o.ID] -= 500; return o, nil }
		}, "pay was refused, and did nothing: the run is undone, but 0 are reserved, and -500 cents charged"},
		{"an Undo that is not idempotent", func(s *shop, reserve, _ *saga.Step[order]) {
			done := false
			reserve.Do = func(_ context.Context, o order) (order, error) { done = true; s.stock[o.ID] = 1; return o, nil }
			reserve.Undo = func(_ context.Context, o order) (order, error) {
				if done {
					s.stock[o.ID]--
				}
				return o, nil
			}
		}, "pay was refused, and did nothing; then the worker was killed after the Undo of reserve was done and before that was saved: the run is undone, but -1 are reserved, and 0 cents charged"},
		{"an Undo that trusts the state", func(s *shop, reserve, _ *saga.Step[order]) {
			reserve.Undo = func(_ context.Context, o order) (order, error) {
				if o.Reserved {
					delete(s.stock, o.ID)
				}
				return o, nil
			}
		}, "the worker was killed after reserve was done and before that was saved; then reserve (call 2) was refused, and did nothing: the run is undone, but 1 are reserved, and 0 cents charged"},
		{"an Undo that always fails", func(_ *shop, _, pay *saga.Step[order]) {
			pay.Undo = func(_ context.Context, o order) (order, error) { return o, context.DeadlineExceeded }
		}, "pay was refused, and did nothing: the run does not end: it is parked again after 10 Retries"},
		{"a missing Undo", func(_ *shop, reserve, _ *saga.Step[order]) { reserve.Undo = nil },
			"pay was refused, and did nothing: the run is undone, but 1 are reserved, and 0 cents charged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := found(t, checkout(c.change)); got != c.want {
				t.Errorf("found is\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}
