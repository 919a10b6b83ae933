package eventbus_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/eventbus"
)

func TestStopAndCloseEndWithoutADeadline(t *testing.T) {
	for name, end := range map[string]func(bus *eventbus.Memory, stop func(context.Context) error) error{
		"Close": func(bus *eventbus.Memory, _ func(context.Context) error) error {
			return bus.Close(context.Background())
		},
		"stop": func(_ *eventbus.Memory, stop func(context.Context) error) error { return stop(context.Background()) },
	} {
		for why, handle := range map[string]eventbus.Handler{
			"it goes on failing": func(context.Context, eventbus.Event) error { return errors.New("the disk is full") },
			"it hangs": func(ctx context.Context, _ eventbus.Event) error {
				<-ctx.Done()
				return ctx.Err()
			},
		} {
			synctest.Test(t, func(t *testing.T) {
				bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
				stop, err := bus.Subscribe("t", "g", handle)
				if err = errors.Join(err, bus.Publish(t.Context(), "t", eventbus.Event{})); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				begun := time.Now()
				err = end(bus, stop)
				if took := time.Since(begun); took != eventbus.EndTimeout || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 ") || !strings.Contains(err.Error(), "not handled") {
					t.Errorf("%s of a handler that says %s: after %s: %v", name, why, took, err)
				}
				_ = bus.Close(t.Context())
				bubble.Sleep(time.Minute)
			})
		}
	}
}
