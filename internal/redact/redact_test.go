package redact_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/internal/redact"
)

func ExampleURL() {
	fmt.Println(redact.URL("nats://me:hunter2@10.0.0.1:4222"))
	fmt.Println(redact.URL("http://10.0.0.1/orders?token=hunter2"))
	// Output:
	// nats://[redacted]@10.0.0.1:4222
	// http://10.0.0.1/orders?[redacted]
}

func TestNoSecretOfAURLIsShown(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "",
		"http://10.0.0.1:80/orders":          "http://10.0.0.1:80/orders",
		"10.0.0.1:8500":                      "10.0.0.1:8500",
		"me:hunter2@10.0.0.1:8500":           "[redacted]@10.0.0.1:8500",
		"nats://hunter2@h:4222":              "nats://[redacted]@h:4222",
		"nats://a:hunter2@h,nats://b":        "nats://[redacted]@h,nats://b",
		"nats://a,nats://b:hunter2@h":        "nats://[redacted]@h",
		"nats://a:hunter2,x@h":               "nats://[redacted]@h",
		"http://a:hunter2/?#@h/x":            "http://[redacted]@h/x",
		"http://a:hunter2@h@h2":              "http://[redacted]@h2",
		"http://h/x?token=hunter2#y":         "http://h/x?[redacted]",
		"http://h/x#hunter2":                 "http://h/x#[redacted]",
		"http://a:hunter2%zz@h?key=hunter2":  "http://[redacted]@h?[redacted]",
		"http://a:b@h?mail=hunter2@mail.com": "http://[redacted]@mail.com",
		" http://a: hunter2 @h":              " http://[redacted]@h",
	} {
		if got := redact.URL(text); got != want {
			t.Errorf("%q is shown as %q, not %q", text, got, want)
		}
	}
}

func TestErrorsOfNetHTTPAndNetURLAreRedacted(t *testing.T) {
	_, unparsed := url.Parse("http://a:hunter2%zz@h")
	_, unsent := http.Get("http://hunter2@127.0.0.1:1/?token=hunter2")
	for _, err := range []error{unparsed, unsent, fmt.Errorf("around: %w", unsent)} {
		got := redact.Error(err)
		if got == nil || strings.Contains(got.Error(), "hunter2") {
			t.Errorf("%v", got)
		}
		if inner := errors.Unwrap(unsent); err != unparsed && !errors.Is(got, inner) { //nolint:errorlint // which of them it is
			t.Errorf("its cause is lost: %v", got)
		}
	}
	if redact.Error(io.EOF) != io.EOF || redact.Error(nil) != nil {
		t.Error("other errors are changed")
	}
}
