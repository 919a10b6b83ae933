// Package redacttest finds out whether a value shows a secret when it is printed.
package redacttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
)

// Printed returns v in every form in which it may get into a log.
func Printed(v any) string {
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

// Shows reports whether the text has the secret in it, as it is or in hexadecimal digits.
func Shows(text, secret string) bool {
	return strings.Contains(text, secret) || strings.Contains(strings.ToLower(text), fmt.Sprintf("%x", secret))
}
