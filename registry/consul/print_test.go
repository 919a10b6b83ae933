package consul_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/redact/redacttest"
	"github.com/sinew-go/sinew/registry/consul"
)

const secret = "hunter2"

func TestTheTokenIsPrintedNowhere(t *testing.T) {
	c := consul.Config{Address: "http://127.0.0.1:1", Token: secret, Logger: slog.New(slog.DiscardHandler), TLS: &tls.Config{ServerName: secret}}
	r, err := consul.New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	for _, v := range []any{c, &c, []consul.Config{c}, struct{ Consul consul.Config }{c}, r, consul.Config{Address: "me:" + secret + "@h"}} {
		if text := redacttest.Printed(v); redacttest.Shows(text, secret) {
			t.Errorf("%T: %s", v, text)
		}
	}
	if text := fmt.Sprint(c); !strings.Contains(text, "127.0.0.1:1") || !strings.Contains(text, "[redacted]") {
		t.Error(text)
	}
	_, err = r.Services(t.Context())
	if err == nil || redacttest.Shows(err.Error(), secret) {
		t.Errorf("%v", err)
	}
	for _, address := range []string{"gopher://me:" + secret + "@h", "me:" + secret + "@h:%zz", "http://me:" + secret + "%zz@h", "http://me:" + secret + "@127.0.0.1:8500"} {
		t.Setenv("CONSUL_HTTP_ADDR", address)
		for _, c := range []consul.Config{{Address: address}, {}} {
			if _, err := consul.New(c); !errors.Is(err, fault.InvalidArgument) || redacttest.Shows(err.Error(), secret) {
				t.Errorf("%s: %v", address, err)
			}
		}
	}
}
