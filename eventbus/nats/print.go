package nats

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/sinew-go/sinew/internal/redact"
)

// bare is a Config without methods.
type bare Config

// discreet is c with nothing secret in it.
func (c Config) discreet() bare {
	c.URL = redact.URL(c.URL)
	return bare(c)
}

// String shows the Config without its secrets: not user, password or token in the URL.
func (c Config) String() string { return fmt.Sprintf("%+v", c.discreet()) }

// Format writes what String does, and with %#v the same in the syntax of Go.
func (c Config) Format(f fmt.State, verb rune) { redact.Format(f, verb, c.discreet()) }

// String names the server.
func (b *Bus) String() string { return "nats.Bus at " + b.config.URL }

// Format writes String, whatever the verb: beneath is the connection, with its
// password.
func (b *Bus) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, b.String()) }

// LogValue is String.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON writes the Config without its secrets, and without what has no JSON
// form.
func (c Config) MarshalJSON() ([]byte, error) {
	b := c.discreet()
	return json.Marshal(struct {
		URL, Name       string
		MaxAge, AckWait time.Duration
		Replicas        int
	}{b.URL, b.Name, b.MaxAge, b.AckWait, b.Replicas})
}
