package consul

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
	if c.Token != "" {
		c.Token = redact.Hidden
	}
	c.Address = redact.URL(c.Address)
	return bare(c)
}

// String shows the Config without its secrets: not the token, nor user and password in the address.
func (c Config) String() string { return fmt.Sprintf("%+v", c.discreet()) }

// Format writes what String does, and with %#v the same in the syntax of Go.
func (c Config) Format(f fmt.State, verb rune) { redact.Format(f, verb, c.discreet()) }

// String names the agent.
func (r *Registry) String() string { return "consul.Registry of the agent at " + r.address() }

// Format writes String, whatever the verb: beneath is the client, with its token.
func (r *Registry) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// LogValue is String.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON writes the Config without its secrets, and without what has no JSON
// form.
func (c Config) MarshalJSON() ([]byte, error) {
	b := c.discreet()
	return json.Marshal(struct {
		Address, Token, Datacenter, Namespace string
		TTL, DeregisterAfter                  time.Duration
	}{b.Address, b.Token, b.Datacenter, b.Namespace, b.TTL, b.DeregisterAfter})
}
