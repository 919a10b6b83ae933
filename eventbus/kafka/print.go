package kafka

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/sinew-go/sinew/internal/redact"
)

// methodless is a Config without methods, so that fmt prints its fields.
type methodless Config

// redacted returns c without its secrets.
func (c Config) redacted() methodless {
	if c.Password != "" {
		c.Password = redact.Hidden
	}
	c.TLS = nil // it may have a private key
	return methodless(c)
}

// String returns the Config without its secrets.
func (c Config) String() string { return fmt.Sprintf("%+v", c.redacted()) }

// Format writes what String returns. With %#v it is Go syntax.
func (c Config) Format(f fmt.State, verb rune) { redact.Format(f, verb, c.redacted()) }

// LogValue returns String.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON writes the Config without its secrets, and without fields that have no JSON
// form.
func (c Config) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Brokers                                    []string
		ClientID, Mechanism, User                  string
		TopicsMustExist, Structured                bool
		Partitions, Replicas                       int
		MaxEventBytes, Prefetch                    int
		Retention, SessionTimeout, HandOverTimeout time.Duration
	}{
		c.Brokers, c.ClientID, c.Mechanism, c.User, c.TopicsMustExist, c.Structured, c.Partitions, c.Replicas,
		c.MaxEventBytes, c.Prefetch, c.Retention, c.SessionTimeout, c.HandOverTimeout,
	})
}

// String returns the addresses of the brokers.
func (b *Bus) String() string { return "kafka.Bus at " + strings.Join(b.config.Brokers, ",") }

// Format writes String for every verb. Any other form would show the connection and its
// password.
func (b *Bus) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, b.String()) }
