package eventbustest_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/eventbustest"
)

// recorder is a test whose failure is recorded.
type recorder struct {
	testing.TB
	failure string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failure = fmt.Sprintf(format, args...)
	panic(r)
}

// failureOf returns how Converges fails with the projection.
func failureOf[S any](t *testing.T, initial func() S, apply func(S, eventbus.Event) S, events []eventbus.Event) string {
	t.Helper()
	r := &recorder{TB: t}
	func() {
		defer func() { _ = recover() }()
		eventbustest.Converges(r, initial, apply, events)
	}()
	return r.failure
}

// counted are n events of each key.
func counted(n int, keys ...string) (all []eventbus.Event) {
	for i := range n {
		for _, key := range keys {
			all = append(all, eventbus.Event{ID: fmt.Sprint(key, i), Type: "set", Key: key, Data: []byte(fmt.Sprint(i))})
		}
	}
	return all
}

func values() map[string]string { return map[string]string{} }

// set is a projection of the last value of each key.
func set(state map[string]string, e eventbus.Event) map[string]string {
	state[e.Key] = string(e.Data)
	return state
}

func TestTheLastValueOfEachKeyConverges(t *testing.T) {
	eventbustest.Converges(t, values, set, counted(10, "a", "b", "c"))
}

func TestWhatCountsAnEventTwiceDoesNotConverge(t *testing.T) {
	got := failureOf(t, func() int { return 0 }, func(n int, _ eventbus.Event) int { return n + 1 }, counted(10, "a", "b"))
	if events := strings.Count(got, "event "); events != 3 || !strings.Contains(got, "state is\n\t2") || !strings.Contains(got, "it is\n\t1") {
		t.Errorf("the smallest delivery is one event that comes twice; got:\n%s", got)
	}
}

func TestWhatDependsOnTheOrderOfKeysDoesNotConverge(t *testing.T) {
	got := failureOf(t, func() string { return "" }, func(_ string, e eventbus.Event) string { return e.Key }, counted(10, "a", "b"))
	before, after, _ := strings.Cut(got, `key "a"`)
	if strings.Count(got, "event ") != 3 || !strings.Contains(before, `key "b"`) || strings.Contains(after, `key "b"`) {
		t.Errorf("the smallest delivery is one event of b before an earlier one of a; got:\n%s", got)
	}
}

func TestEventsWithoutAKeyHaveNoOrder(t *testing.T) {
	if got := failureOf(t, values, set, counted(3, "")); !strings.Contains(got, "does not converge") {
		t.Errorf("got %q", got)
	}
}

func TestAKeyIsNotDeliveredOutOfOrder(t *testing.T) {
	type state struct {
		last map[string]string
		gap  bool
	}
	eventbustest.Converges(t, func() state { return state{last: values()} }, func(s state, e eventbus.Event) state {
		var was, is int
		_, known := s.last[e.Key]
		_, _ = fmt.Sscan(s.last[e.Key], &was)
		_, _ = fmt.Sscan(string(e.Data), &is)
		s.gap = s.gap || known && is > was+1 || !known && is > 0
		s.last = maps.Clone(s.last)
		s.last[e.Key] = string(e.Data)
		return s
	}, counted(20, "a", "b"))
}

func ExampleConverges() {
	_ = func(t *testing.T) {
		eventbustest.Converges(t, values, set, []eventbus.Event{
			{ID: "1", Type: "stock.counted", Key: "p-1", Data: []byte("7")},
			{ID: "2", Type: "stock.counted", Key: "p-1", Data: []byte("5")},
		})
	}
	// Output:
}
