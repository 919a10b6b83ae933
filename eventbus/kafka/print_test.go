package kafka_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/kafka"
	"github.com/sinew-go/sinew/internal/redact/redacttest"
)

func TestThePasswordIsPrintedNowhere(t *testing.T) {
	const secret = "hunter2"
	var log bytes.Buffer
	c := kafka.Config{
		Brokers: []string{"127.0.0.1:1"}, User: "me", Password: secret, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		TLS: &tls.Config{ServerName: secret},
	}
	bus, err := kafka.New(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{c, &c, []kafka.Config{c}, struct{ Kafka kafka.Config }{c}, bus} {
		if text := redacttest.Printed(v); redacttest.Shows(text, secret) {
			t.Errorf("%T: %s", v, text)
		}
	}
	if text := fmt.Sprint(c); !strings.Contains(text, "127.0.0.1:1") || !strings.Contains(text, "[redacted]") {
		t.Errorf("the Config is printed as %s", text)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := bus.Publish(ctx, "t", eventbus.Event{}); err == nil || redacttest.Shows(err.Error(), secret) {
		t.Errorf("publish: %v", err)
	}
	_ = bus.Close(t.Context())
	if redacttest.Shows(log.String(), secret) {
		t.Errorf("the log shows it: %s", &log)
	}
}
