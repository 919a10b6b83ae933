package nats

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/sinew-go/sinew/internal/redact"
)

// methodless is a Config without methods, so that fmt prints its fields.
type methodless Config

// redacted returns c without its secrets.
func (c Config) redacted() methodless {
	c.URL = redact.URL(c.URL)
	return methodless(c)
}

// String returns the Config without its secrets: user, password and token in the URL are
// hidden.
func (c Config) String() string { return fmt.Sprintf("%+v", c.redacted()) }

// Format writes what String returns. With %#v it is Go syntax.
func (c Config) Format(f fmt.State, verb rune) { redact.Format(f, verb, c.redacted()) }

// String returns the address of the server.
func (b *Bus) String() string { return "nats.Bus at " + b.config.URL }

// Format writes String for every verb. Any other form would show the connection and its
// password.
func (b *Bus) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, b.String()) }

// LogValue returns String.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON writes the Config without its secrets, and without fields that have no JSON
// form.
func (c Config) MarshalJSON() ([]byte, error) {
	b := c.redacted()
	return json.Marshal(struct {
		URL, Name       string
		MaxAge, AckWait time.Duration
		Replicas        int
		Structured      bool
	}{b.URL, b.Name, b.MaxAge, b.AckWait, b.Replicas, b.Structured})
}
