package zipkin_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/internal/redact/redacttest"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/tracing/zipkin"
)

const secret = "hunter2"

func TestTheCollectorsPasswordIsPrintedNowhere(t *testing.T) {
	var log bytes.Buffer
	c := zipkin.Config{Service: "shop", Collector: "http://me:" + secret + "@127.0.0.1:1/api/v2/spans?key=" + secret, Sample: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	tracer, err := zipkin.New(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{c, &c, []zipkin.Config{c}, tracer} {
		if text := redacttest.Printed(v); redacttest.Shows(text, secret) {
			t.Errorf("%T: %s", v, text)
		}
	}
	_, span := tracer.Start(t.Context(), "s", tracing.Server)
	span.End(nil)
	if err := tracer.Close(); err != nil && redacttest.Shows(err.Error(), secret) {
		t.Error(err)
	}
	if redacttest.Shows(log.String(), secret) || !strings.Contains(log.String(), "127.0.0.1:1") {
		t.Errorf("the log: %s", &log)
	}
	for _, url := range []string{"me:" + secret + "@h", "http://me:" + secret + "%zz@h"} {
		if _, err := zipkin.New(zipkin.Config{Service: "shop", Collector: url}); err == nil || redacttest.Shows(err.Error(), secret) {
			t.Errorf("%q: %v", url, err)
		}
	}
}
