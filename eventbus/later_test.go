package eventbus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/bubble"
)

func ExampleTopic_PublishAt() {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	ctx := context.Background()

	reminded := make(chan string)
	reminder := eventbus.Topic[Order]{Name: "order.unpaid"}
	_ = reminder.Handle(bus, "mailer", func(_ context.Context, o Order) error {
		reminded <- o.ID
		return nil
	})
	fmt.Println(reminder.PublishAt(ctx, bus, time.Now().Add(50*time.Millisecond), Order{ID: "o-7"}))
	fmt.Println("please pay order", <-reminded)
	fmt.Println(bus.Close(ctx))
	// Output:
	// <nil>
	// please pay order o-7
	// <nil>
}

func TestAPublisherThatCannotPublishLaterSaysSoAndNamesTheOutbox(t *testing.T) {
	err := Placed.PublishAt(t.Context(), plainBus{}, time.Now().Add(time.Hour), Order{ID: "o-7"})
	if !errors.Is(err, fault.Unimplemented) || !strings.Contains(fmt.Sprint(err), "outbox") || !strings.Contains(fmt.Sprint(err), "order.placed") {
		t.Error(err)
	}
}

func TestAMemoryBusThatIsClosedWaitsForNothingThatIsNotDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
		err := Placed.Handle(bus, "g", func(context.Context, Order) error { t.Error("it was handled"); return nil })
		begun := time.Now()
		err = errors.Join(err, Placed.PublishAt(t.Context(), bus, begun.Add(time.Hour), Order{ID: "o-7"}), bus.Close(t.Context()))
		if took := time.Since(begun); err != nil || took != 0 {
			t.Errorf("%v after %s", err, took)
		}
		if err := Placed.PublishAt(t.Context(), bus, begun.Add(time.Hour), Order{}); !errors.Is(err, fault.FailedPrecondition) {
			t.Errorf("on a closed bus: %v", err)
		}
		bubble.Sleep(2 * time.Hour)
	})
}

func TestWhatIsPublishedLaterIsWhatTheValueWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
		topic := eventbus.Topic[[]string]{Name: "t"}
		var got []string
		err := topic.Handle(bus, "g", func(_ context.Context, v []string) error { got = v; return nil })
		v := []string{"a"}
		err = errors.Join(err, topic.PublishAt(t.Context(), bus, time.Now().Add(time.Second), v))
		v[0] = "changed"
		bubble.Sleep(2 * time.Second)
		if err = errors.Join(err, bus.Close(t.Context())); err != nil || len(got) != 1 || got[0] != "a" {
			t.Errorf("%v, got %q", err, got)
		}
	})
}
