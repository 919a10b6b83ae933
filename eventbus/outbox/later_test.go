package outbox

import (
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/sinew-go/sinew/eventbus"
)

func TestAnEventThatIsDueInManyYearsIsNotAwaitedWithoutAPause(t *testing.T) {
	for _, year := range []int{2200, 2319, 2500, 3000, 5000, 9999} {
		o := inMemory(t)
		due := time.Date(year, 12, 31, 0, 0, 0, 0, time.UTC)
		if err := o.At(o.config.DB, due).Publish(t.Context(), "made", eventbus.Event{}); err != nil {
			t.Fatal(err)
		}
		if wait, err := o.moveDue(t.Context()); wait != o.config.Poll || err != nil {
			t.Errorf("year %d: it waits %s, %v", year, wait, err)
		}
	}
}
