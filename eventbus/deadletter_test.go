package eventbus_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
)

// once runs a handler of e that gives err, in front of DeadLetter, and is what
// was put aside.
func once(t *testing.T, e eventbus.Event, err error) eventbus.Event {
	t.Helper()
	aside := make(keeping, 1)
	ep := endpoint.New(func(context.Context, int) (endpoint.None, error) { return endpoint.None{}, err }).With(eventbus.DeadLetter(aside, "dead"))
	if _, err := ep(eventbus.Handling(t.Context(), e), 1); err != nil {
		t.Fatal(err)
	}
	return <-aside
}

// keeping keeps what is published on it.
type keeping chan eventbus.Event

func (k keeping) Publish(_ context.Context, topic string, events ...eventbus.Event) error {
	for _, e := range events {
		k <- e.Complete(topic)
	}
	return nil
}

func TestDeadLetterIsAnEventOfItsOwnThatNamesItsOriginal(t *testing.T) {
	e := eventbus.Event{ID: "1", Source: "s", Type: "t", Key: "k", Data: []byte("{}")}
	one, two := once(t, e, errors.New("boom")), once(t, e, errors.New("boom"))
	if one.ID == e.ID || one.ID == two.ID || one.Source != "s" || one.Extensions[eventbus.DeadID] != "1" || one.Extensions[eventbus.DeadTopic] != "t" {
		t.Errorf("put aside as %+v and %+v", one, two)
	}
	if again := once(t, one, errors.New("boom")); again.ID == one.ID || again.Extensions[eventbus.DeadID] != "1" {
		t.Errorf("put back and aside again as %+v", again)
	}
}

func TestDeadReasonIsOneLineOfText(t *testing.T) {
	for _, text := range []string{"a\nb\x00c\x7f", "bad \xff bytes", strings.Repeat("é", 2000), "x" + strings.Repeat("é", 2000), ""} {
		reason := once(t, eventbus.Event{ID: "1", Source: "s", Type: "t"}, errors.New(text)).Extensions[eventbus.DeadReason]
		if !utf8.ValidString(reason) || len(reason) > 1024 || len(text) > 1024 && len(reason) < 1020 || strings.ContainsFunc(reason, unicode.IsControl) {
			t.Errorf("%d bytes became %d: %q", len(text), len(reason), reason)
		}
	}
}
