package zipkin_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/tracing/zipkin"
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

func TestTheCollectorsPasswordIsPrintedNowhere(t *testing.T) {
	var log bytes.Buffer
	c := zipkin.Config{Service: "shop", Collector: "http://me:" + secret + "@127.0.0.1:1/api/v2/spans?key=" + secret, Sample: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	tracer, err := zipkin.New(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{c, &c, []zipkin.Config{c}, tracer} {
		if text := printed(t, v); shows(text) {
			t.Errorf("%T: %s", v, text)
		}
	}
	_, span := tracer.Start(t.Context(), "s", tracing.Server)
	span.End(nil)
	if err := tracer.Close(); err != nil && shows(err.Error()) {
		t.Error(err)
	}
	if shows(log.String()) || !strings.Contains(log.String(), "127.0.0.1:1") {
		t.Errorf("the log: %s", &log)
	}
	for _, url := range []string{"me:" + secret + "@h", "http://me:" + secret + "%zz@h"} {
		if _, err := zipkin.New(zipkin.Config{Service: "shop", Collector: url}); err == nil || shows(err.Error()) {
			t.Errorf("%q: %v", url, err)
		}
	}
}
