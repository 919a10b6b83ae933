package eventbustest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/eventbus"
)

// deliveries is how many deliveries Converges tries.
const deliveries = 500

// Converges fails the test if a projection does not reach one state from the same events,
// whatever a bus makes of them: each event comes at least once; those of one key come in
// order, except that after a failure the bus may go back to any earlier one and go on from
// there; events of different keys, or without a key, come in any order.
//
// initial returns the state without events, and apply the state after one more event; it
// may change the state that it is given. The states are compared with reflect.DeepEqual.
// Converges tries 500 deliveries at random, and shows the smallest one that it finds which
// ends in another state than each event once, in order.
//
// That is the convergence that an event handler owes to the others: it has to know what it
// has handled, or to be idempotent.
func Converges[S any](t testing.TB, initial func() S, apply func(S, eventbus.Event) S, events []eventbus.Event) {
	t.Helper()
	run := func(delivery []int) S {
		state := initial()
		for _, i := range delivery {
			state = apply(state, events[i])
		}
		return state
	}
	s := search{lines: linesOf(events), fails: func(delivery []int) bool {
		return !reflect.DeepEqual(run(delivery), run(once(delivery)))
	}}
	for range deliveries {
		delivery := s.random()
		if !s.fails(delivery) {
			continue
		}
		delivery = s.smallest(delivery)
		t.Fatalf("it does not converge. Delivered as\n%sthe state is\n\t%+v\nand with each event once, in order, it is\n\t%+v",
			text(events, delivery), run(delivery), run(once(delivery)))
	}
}

// search looks for a delivery that ends in another state. A delivery lists events by their
// index.
type search struct {
	lines []int // of the events: those of one key are in one line, each other one is alone
	fails func(delivery []int) bool
}

func linesOf(events []eventbus.Event) []int {
	first, lines := map[string]int{}, make([]int, len(events))
	for i, e := range events {
		line, ok := first[e.Key]
		if !ok || e.Key == "" {
			line = i
			first[e.Key] = i
		}
		lines[i] = line
	}
	return lines
}

// once returns each delivered event once, in order.
func once(delivery []int) []int { return slices.Compact(slices.Sorted(slices.Values(delivery))) }

// random returns a delivery of all events.
func (s search) random() (delivery []int) {
	lines := map[int][]int{}
	for i, line := range s.lines {
		lines[line] = append(lines[line], i)
	}
	next := map[int]int{} // of a line
	ready := slices.Sorted(maps.Keys(lines))
	goesBack := rand.N(4) // after how many of ten deliveries
	for len(ready) > 0 {
		at := rand.N(len(ready))
		line := ready[at]
		delivery = append(delivery, lines[line][next[line]])
		if rand.N(10) < goesBack {
			next[line] = rand.N(next[line] + 1)
			continue
		}
		if next[line]++; next[line] == len(lines[line]) {
			ready = slices.Delete(ready, at, at+1)
		}
	}
	return delivery
}

// isPossible reports whether a bus may deliver so, if these events are all that there are:
// of a key, an event comes after the one before it, or again.
func (s search) isPossible(delivery []int) bool {
	all := map[int][]int{} // of a line, in order
	for _, i := range once(delivery) {
		all[s.lines[i]] = append(all[s.lines[i]], i)
	}
	next := map[int]int{} // of a line, the last one of all that may come
	for _, i := range delivery {
		line := s.lines[i]
		at, _ := slices.BinarySearch(all[line], i)
		if at > next[line] {
			return false
		}
		next[line] = at + 1
	}
	return true
}

// smallest leaves out deliveries, and brings the others in order, as long as what is left
// fails.
func (s search) smallest(delivery []int) []int {
	for shrunk := true; shrunk; {
		shrunk = false
		try := func(candidate []int) bool {
			if !s.isPossible(candidate) || !s.fails(candidate) {
				return false
			}
			delivery, shrunk = candidate, true
			return true
		}
		for _, event := range once(delivery) {
			try(slices.DeleteFunc(slices.Clone(delivery), func(other int) bool { return other == event }))
		}
		for i := len(delivery) - 1; i >= 0; i-- { // a repeat
			try(slices.Delete(slices.Clone(delivery), i, i+1))
		}
		for i := 0; i+1 < len(delivery); i++ {
			if delivery[i] > delivery[i+1] {
				swapped := slices.Clone(delivery)
				swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
				try(swapped)
			}
		}
	}
	return delivery
}

// text shows the events in the order of their delivery.
func text(events []eventbus.Event, delivery []int) string {
	var b strings.Builder
	for _, i := range delivery {
		e := events[i]
		fmt.Fprintf(&b, "\tevent %d: %s, key %q, %.200s\n", i+1, e.Type, e.Key, e.Data)
	}
	return b.String()
}
