package nats_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/nats"
)

const secret = "hunter2"

// printed returns v in every form in which it may get into a log.
func printed(t *testing.T, v any) string {
	t.Helper()
	var all bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&all, verb+"\n", v)
	}
	fmt.Fprintln(&all, v, []any{v}, map[string]any{"a": v}, struct{ A any }{v}, fmt.Errorf("%v", v))
	slog.New(slog.NewTextHandler(&all, nil)).Info("x", "v", v, "inside", struct{ A any }{v})
	slog.New(slog.NewJSONHandler(&all, nil)).Info("x", "v", v, "inside", struct{ A any }{v})
	if text, err := json.Marshal(v); err == nil {
		all.Write(text)
	}
	return all.String()
}

func shows(text string) bool {
	return strings.Contains(text, secret) || strings.Contains(strings.ToLower(text), fmt.Sprintf("%x", secret))
}

func TestThePasswordIsPrintedNowhere(t *testing.T) {
	var log bytes.Buffer
	c := nats.Config{URL: "nats://me:" + secret + "@127.0.0.1:1,nats://" + secret + "@127.0.0.1:2", Logger: slog.New(slog.NewTextHandler(&log, nil))}
	bus, err := nats.New(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{c, &c, []nats.Config{c}, struct{ NATS nats.Config }{c}, bus} {
		if text := printed(t, v); shows(text) {
			t.Errorf("%T: %s", v, text)
		}
	}
	if text := fmt.Sprint(c); !strings.Contains(text, "127.0.0.1:2") || !strings.Contains(text, "[redacted]") {
		t.Error(text)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := bus.Publish(ctx, "t", eventbus.Event{}); err == nil || shows(err.Error()) {
		t.Errorf("%v", err)
	}
	_ = bus.Close(t.Context())
	if shows(log.String()) {
		t.Error(&log)
	}
	for _, url := range []string{
		"nats://me:" + secret + "%zz@127.0.0.1:1", "nats://me:" + secret + " @127.0.0.1:1", "nats://me:" + secret + "@127.0.0.1:port", "nats://me:" + secret + "@[::1",
		"://" + secret + "@h", "gopher://me:" + secret + "@h", "nats://me:" + secret + "/x@h:1", "nats://h:1,nats://me:" + secret + "\x7f@h",
	} {
		bus, err := nats.New(nats.Config{URL: url, Logger: slog.New(slog.DiscardHandler)})
		if err == nil {
			_ = bus.Close(t.Context())
		} else if shows(err.Error()) || !strings.Contains(err.Error(), "Config.URL") {
			t.Errorf("%q: %v", url, err)
		}
	}
}
