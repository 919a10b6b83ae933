package delivery_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/delivery"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func Example() {
	log := delivery.Logger{Logger: slog.New(slog.DiscardHandler)}
	_, err := log.Call(context.Background(), eventbus.Delivery{Topic: "order.placed"}, eventbus.Event{ID: "7"}, func(_ context.Context, e eventbus.Event) error {
		return errors.New("not " + e.ID)
	})
	fmt.Println(err)
	// Output: not 7
}

func TestAPanicIsAFailureThatIsLoggedWhereTheEventIsHandled(t *testing.T) {
	for _, isOwn := range []bool{true, false} {
		var bus, service bytes.Buffer
		log := delivery.Logger{Logger: slog.New(slog.NewTextHandler(&bus, nil)), IsOwn: isOwn}
		got, err := log.Call(t.Context(), eventbus.Delivery{Topic: "order.placed"}, eventbus.Event{ID: "7"}, func(ctx context.Context, _ eventbus.Event) error {
			eventbus.LogTo(ctx, slog.New(slog.NewTextHandler(&service, nil)))
			panic("oops")
		})
		if !errors.Is(err, fault.Internal) || got == nil {
			t.Errorf("%v, %v", got, err)
		}
		used, other := &service, &bus
		if isOwn {
			used, other = other, used
		}
		if text := used.String(); !strings.Contains(text, "oops") || !strings.Contains(text, "order.placed") || !strings.Contains(text, "delivery_test.go") || other.Len() > 0 {
			t.Errorf("with a logger of its own %v: %s, and elsewhere %s", isOwn, text, other)
		}
	}
}
