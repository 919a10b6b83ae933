package nats_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/nats"
	"github.com/sinew-go/sinew/internal/redact/redacttest"
)

const secret = "hunter2"

func TestThePasswordIsPrintedNowhere(t *testing.T) {
	var log bytes.Buffer
	c := nats.Config{URL: "nats://me:" + secret + "@127.0.0.1:1,nats://" + secret + "@127.0.0.1:2", Logger: slog.New(slog.NewTextHandler(&log, nil))}
	bus, err := nats.New(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{c, &c, []nats.Config{c}, struct{ NATS nats.Config }{c}, bus} {
		if text := redacttest.Printed(v); redacttest.Shows(text, secret) {
			t.Errorf("%T: %s", v, text)
		}
	}
	if text := fmt.Sprint(c); !strings.Contains(text, "127.0.0.1:2") || !strings.Contains(text, "[redacted]") {
		t.Error(text)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := bus.Publish(ctx, "t", eventbus.Event{}); err == nil || redacttest.Shows(err.Error(), secret) {
		t.Errorf("%v", err)
	}
	_ = bus.Close(t.Context())
	if redacttest.Shows(log.String(), secret) {
		t.Error(&log)
	}
	for _, url := range []string{
		"nats://me:" + secret + "%zz@127.0.0.1:1", "nats://me:" + secret + " @127.0.0.1:1", "nats://me:" + secret + "@127.0.0.1:port", "nats://me:" + secret + "@[::1",
		"://" + secret + "@h", "gopher://me:" + secret + "@h", "nats://me:" + secret + "/x@h:1", "nats://h:1,nats://me:" + secret + "\x7f@h",
	} {
		bus, err := nats.New(nats.Config{URL: url, Logger: slog.New(slog.DiscardHandler)})
		if err == nil {
			_ = bus.Close(t.Context())
		} else if redacttest.Shows(err.Error(), secret) || !strings.Contains(err.Error(), "Config.URL") {
			t.Errorf("%q: %v", url, err)
		}
	}
}
