package eventbus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

// putAsideOnce runs a handler that returns err for e, inside DeadLetter, and returns what was put
// aside.
func putAsideOnce(t *testing.T, e eventbus.Event, err error) eventbus.Event {
	t.Helper()
	aside := make(recordingPublisher, 1)
	ep := endpoint.New(func(context.Context, int) (endpoint.None, error) { return endpoint.None{}, err }).With(eventbus.DeadLetter(aside, "dead"))
	if _, err := ep(eventbus.ContextWithEvent(t.Context(), e, eventbus.Delivery{}), 1); err != nil {
		t.Fatal(err)
	}
	return <-aside
}

// recordingPublisher records what is published.
type recordingPublisher chan eventbus.Event

func (k recordingPublisher) Publish(_ context.Context, topic string, events ...eventbus.Event) error {
	for _, e := range events {
		k <- e.WithDefaults(topic)
	}
	return nil
}

func TestDeadLetterIsAnEventOfItsOwnThatNamesItsOriginal(t *testing.T) {
	e := eventbus.Event{ID: "1", Source: "s", Type: "t", Key: "k", Data: []byte("{}")}
	one, two := putAsideOnce(t, e, errors.New("boom")), putAsideOnce(t, e, errors.New("boom"))
	if one.ID == e.ID || one.ID == two.ID || one.Source != "s" || one.Extensions[eventbus.DeadID] != "1" || one.Extensions[eventbus.DeadTopic] != "t" {
		t.Errorf("put aside as %+v and %+v", one, two)
	}
	if again := putAsideOnce(t, one, errors.New("boom")); again.ID == one.ID || again.Extensions[eventbus.DeadID] != "1" {
		t.Errorf("put back and aside again as %+v", again)
	}
}

func TestDeadReasonIsOneLineOfText(t *testing.T) {
	for _, text := range []string{"a\nb\x00c\x7f", "bad \xff bytes", strings.Repeat("é", 2000), "x" + strings.Repeat("é", 2000), ""} {
		reason := putAsideOnce(t, eventbus.Event{ID: "1", Source: "s", Type: "t"}, errors.New(text)).Extensions[eventbus.DeadReason]
		if !utf8.ValidString(reason) || len(reason) > 1024 || len(text) > 1024 && len(reason) < 1020 || strings.ContainsFunc(reason, unicode.IsControl) {
			t.Errorf("%d bytes became %d: %q", len(text), len(reason), reason)
		}
	}
}

func TestWithHopelessOnlyHopelessEventsArePutAside(t *testing.T) {
	for failure, hopeless := range map[error]bool{
		fault.InvalidArgument.Errorf("no such mailbox"):                true,
		fmt.Errorf("mail: %w", fault.OutOfRange.Errorf("page 9 of 3")): true,
		fault.AlreadyExists.Errorf("it was sent"):                      true,
		errors.New("database or disk is full (13)"):                    false,
		fault.Unavailable.Errorf("down"):                               false,
		fault.DeadlineExceeded.Errorf("late"):                          false,
		fault.ResourceExhausted.Errorf("too many"):                     false,
		fault.Internal.Errorf("the handler panicked"):                  false,
		fault.NotFound.Errorf("the order is not here yet"):             false,
		fault.FailedPrecondition.Errorf("it is not paid yet"):          false,
		fault.Unauthenticated.Errorf("the token has expired"):          false,
		fault.Unimplemented.Errorf("the new version is not deployed"):  false,
		fault.Aborted.Errorf("again"):                                  false,
		fault.InvalidArgument.Errorf("?").WithUnprocessed():            false,
		fault.InvalidArgument.Errorf("?").WithRetryAfter(time.Second):  false,
	} {
		if eventbus.Hopeless(failure) != hopeless {
			t.Errorf("%v: %v", failure, !hopeless)
		}
		aside := make(recordingPublisher, 1)
		ep := endpoint.New(func(context.Context, int) (endpoint.None, error) { return endpoint.None{}, failure }).
			With(eventbus.DeadLetter(aside, "dead", eventbus.Hopeless))
		_, err := ep(eventbus.ContextWithEvent(t.Context(), eventbus.Event{ID: "1", Source: "s", Type: "t"}, eventbus.Delivery{}), 1)
		if put := len(aside) == 1; put != hopeless || put != (err == nil) {
			t.Errorf("%v: put aside %v, and the bus is told %v", failure, put, err)
		}
	}
}

// While a disk is full, events are late but none is lost.
func TestATemporaryFailureLosesNoEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
		full := time.Now().Add(12 * time.Second)
		var handled []string
		err := Placed.Handle(bus, "g", func(_ context.Context, o Order) error {
			switch {
			case o.Total < 0:
				return fault.InvalidArgument.Errorf("total %d", o.Total)
			case time.Now().Before(full):
				return errors.New("the disk is full")
			}
			handled = append(handled, o.ID)
			return nil
		}, eventbus.DeadLetter(bus, "dead", eventbus.Hopeless), eventbus.RetryPolicy{}.Middleware())
		for i := range 6 {
			err = errors.Join(err, Placed.Publish(t.Context(), bus, Order{ID: fmt.Sprint(i), Total: i - 1}))
		}
		if err = errors.Join(err, bus.Close(t.Context())); err != nil || len(handled) != 5 {
			t.Errorf("%v, handled %q", err, handled)
		}
	})
}

func TestMessagesAboutAnEventGoToTheLoggerOfLogTo(t *testing.T) {
	var own, other bytes.Buffer
	before := slog.Default()
	defer slog.SetDefault(before)
	slog.SetDefault(slog.New(slog.NewTextHandler(&other, nil)))
	synctest.Test(t, func(t *testing.T) {
		bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
		tries := 0
		inner := func(ctx context.Context, e eventbus.Event) error {
			switch tries++; tries {
			case 1:
				return errors.New("not yet")
			case 2:
				panic("oops")
			}
			ep := endpoint.New(func(context.Context, int) (endpoint.None, error) { return endpoint.None{}, fault.InvalidArgument }).
				With(eventbus.DeadLetter(bus, "dead", eventbus.Hopeless))
			_, err := ep(context.WithoutCancel(ctx), 1)
			return err
		}
		_, err := bus.Subscribe("t", "g", func(ctx context.Context, e eventbus.Event) error {
			eventbus.LogTo(ctx, slog.New(slog.NewTextHandler(&own, nil)))
			return inner(ctx, e)
		})
		if err = errors.Join(err, bus.Publish(t.Context(), "t", eventbus.Event{}), bus.Close(t.Context())); err != nil {
			t.Fatal(err)
		}
	})
	for _, line := range []string{"will be delivered again", "handler panicked", "was put aside"} {
		if !strings.Contains(own.String(), line) {
			t.Errorf("no %q in %s", line, &own)
		}
	}
	if other.Len() > 0 {
		t.Errorf("elsewhere: %s", &other)
	}
	eventbus.LogTo(t.Context(), slog.Default())
	if eventbus.LoggerOf(t.Context()) != nil {
		t.Error("there is a logger outside of a handler")
	}
}
