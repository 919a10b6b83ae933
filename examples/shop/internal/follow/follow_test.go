package follow_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/examples/shop/internal/follow"
	"github.com/sinew-go/sinew/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var letters = eventbus.Topic[string]{Name: "letter", Key: func(s string) string { return s }}

func ExampleSafely() {
	ctx := context.Background()
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	read := make(chan string)
	_ = letters.Handle(bus, "reader", func(_ context.Context, text string) error {
		read <- text
		return nil
	}, follow.Safely(bus))

	_ = letters.Publish(ctx, bus, "hello")
	fmt.Println(<-read, bus.Close(ctx))
	// Output: hello <nil>
}

func TestAnEventThatIsRefusedIsPutAsideAndTheNextOneIsHandled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
		tries, done, dead := 0, "", ""
		poison := fmt.Errorf("table letter: %w", fault.InvalidArgument.Errorf("it is poison"))
		err := errors.Join(
			letters.Handle(bus, "reader", func(_ context.Context, text string) error {
				if text == "poison" {
					tries++
					return poison
				}
				done = text
				return nil
			}, follow.Safely(bus)),
			eventbus.Topic[string]{Name: follow.DeadLetters}.Handle(bus, "", func(ctx context.Context, text string) error {
				e, _ := eventbus.EventOf(ctx)
				dead = text + " of " + e.Extensions[eventbus.DeadTopic] + ": " + e.Extensions[eventbus.DeadReason]
				return nil
			}),
			letters.Publish(t.Context(), bus, "poison"), letters.Publish(t.Context(), bus, "hello"),
		)
		bubble.Sleep(time.Minute)
		err = errors.Join(err, bus.Close(t.Context()))
		if err != nil || tries != 1 || done != "hello" || dead != "poison of letter: table letter: invalid_argument: it is poison" {
			t.Errorf("%d tries, %q done, %q put aside (%v)", tries, done, dead, err)
		}
	})
}

func TestATemporaryFailureIsNotPutAside(t *testing.T) {
	for name, failure := range map[string]error{
		"disk":      errors.New("table letter: database or disk is full (13)"),
		"down":      fault.Unavailable.Errorf("no instance"),
		"full":      fault.ResourceExhausted.Errorf("too many"),
		"late":      fault.DeadlineExceeded.Errorf("took too long"),
		"bug":       fault.Internal.Errorf("nil pointer"),
		"elsewhere": fault.NotFound.Errorf("nothing is served at /letters").WithUnprocessed(),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
				began, read, aside := time.Now(), []string{}, 0
				err := errors.Join(
					letters.Handle(bus, "reader", func(_ context.Context, text string) error {
						if time.Since(began) < 12*time.Second {
							return failure
						}
						read = append(read, text)
						return nil
					}, follow.Safely(bus)),
					eventbus.Topic[string]{Name: follow.DeadLetters}.Handle(bus, "", func(context.Context, string) error { aside++; return nil }),
					letters.Publish(t.Context(), bus, "one"), letters.Publish(t.Context(), bus, "two"), letters.Publish(t.Context(), bus, "three"),
				)
				bubble.Sleep(time.Minute)
				if err = errors.Join(err, bus.Close(t.Context())); err != nil || len(read) != 3 || aside != 0 {
					t.Errorf("read %q, %d put aside (%v)", read, aside, err)
				}
			})
		})
	}
}

func TestAnEventThatIsTooEarlyIsRedelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
		began, after := time.Now(), time.Duration(0)
		err := letters.Handle(bus, "reader", func(context.Context, string) error {
			if after = time.Since(began); after < time.Hour {
				return fmt.Errorf("no answer yet: %w", follow.ErrEarly)
			}
			return nil
		}, follow.Safely(bus))
		if err := errors.Join(err, letters.Publish(t.Context(), bus, "hello"), bus.Close(t.Context())); err != nil || after < time.Hour {
			t.Errorf("given up after %s (%v)", after, err)
		}
	})
}
