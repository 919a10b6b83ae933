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
	for _, c := range []struct {
		text string
		want string
	}{
		{text: "", want: ""},
		{text: "http://10.0.0.1:80/orders", want: "http://10.0.0.1:80/orders"},
		{text: "10.0.0.1:8500", want: "10.0.0.1:8500"},
		{text: "me:hunter2@10.0.0.1:8500", want: "[redacted]@10.0.0.1:8500"},
		{text: "nats://hunter2@h:4222", want: "nats://[redacted]@h:4222"},
		{text: "nats://a:hunter2@h,nats://b", want: "nats://[redacted]@h,nats://b"},
		{text: "nats://a,nats://b:hunter2@h", want: "nats://[redacted]@h"},
		{text: "nats://a:hunter2,x@h", want: "nats://[redacted]@h"},
		{text: "http://a:hunter2/?#@h/x", want: "http://[redacted]@h/x"},
		{text: "http://a:hunter2@h@h2", want: "http://[redacted]@h2"},
		{text: "http://h/x?token=hunter2#y", want: "http://h/x?[redacted]"},
		{text: "http://h/x#hunter2", want: "http://h/x#[redacted]"},
		{text: "http://a:hunter2%zz@h?key=hunter2", want: "http://[redacted]@h?[redacted]"},
		{text: "http://a:b@h?mail=hunter2@mail.com", want: "http://[redacted]@mail.com"},
		{text: " http://a: hunter2 @h", want: " http://[redacted]@h"},
	} {
		if got := redact.URL(c.text); got != c.want {
			t.Errorf("%q is shown as %q, not %q", c.text, got, c.want)
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
