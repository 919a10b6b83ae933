package consul

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
	if c.Token != "" {
		c.Token = redact.Hidden
	}
	c.Address = redact.URL(c.Address)
	return methodless(c)
}

// String returns the Config without its secrets: the token, and user and password in the
// address are hidden.
func (c Config) String() string { return fmt.Sprintf("%+v", c.redacted()) }

// Format writes what String returns. With %#v it is Go syntax.
func (c Config) Format(f fmt.State, verb rune) { redact.Format(f, verb, c.redacted()) }

// String returns the address of the agent.
func (r *Registry) String() string { return "consul.Registry of the agent at " + r.address() }

// Format writes String for every verb. Any other form would show the client and its
// token.
func (r *Registry) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// LogValue returns String.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON writes the Config without its secrets, and without fields that have no JSON
// form.
func (c Config) MarshalJSON() ([]byte, error) {
	b := c.redacted()
	return json.Marshal(struct {
		Address, Token, Datacenter, Namespace string
		TTL, DeregisterAfter                  time.Duration
	}{b.Address, b.Token, b.Datacenter, b.Namespace, b.TTL, b.DeregisterAfter})
}
