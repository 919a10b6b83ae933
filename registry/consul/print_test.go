package consul_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry/consul"
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

func TestTheTokenIsPrintedNowhere(t *testing.T) {
	c := consul.Config{Address: "http://127.0.0.1:1", Token: secret, Logger: slog.New(slog.DiscardHandler), TLS: &tls.Config{ServerName: secret}}
	r, err := consul.New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	for _, v := range []any{c, &c, []consul.Config{c}, struct{ Consul consul.Config }{c}, r, consul.Config{Address: "me:" + secret + "@h"}} {
		if text := printed(t, v); shows(text) {
			t.Errorf("%T: %s", v, text)
		}
	}
	if text := fmt.Sprint(c); !strings.Contains(text, "127.0.0.1:1") || !strings.Contains(text, "[redacted]") {
		t.Error(text)
	}
	_, err = r.Services(t.Context())
	if err == nil || shows(err.Error()) {
		t.Errorf("%v", err)
	}
	for _, address := range []string{"gopher://me:" + secret + "@h", "me:" + secret + "@h:%zz", "http://me:" + secret + "%zz@h", "http://me:" + secret + "@127.0.0.1:8500"} {
		t.Setenv("CONSUL_HTTP_ADDR", address)
		for _, c := range []consul.Config{{Address: address}, {}} {
			if _, err := consul.New(c); !errors.Is(err, fault.InvalidArgument) || shows(err.Error()) {
				t.Errorf("%s: %v", address, err)
			}
		}
	}
}
