package zipkin

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"

	"github.com/sinew-go/sinew/internal/redact"
)

// configFields is a Config without its methods.
type configFields Config

// redacted returns c without secrets.
func (c Config) redacted() configFields {
	c.Collector = redact.URL(c.Collector)
	return configFields(c)
}

// String returns the Config without its secrets: the user, the password and the query of
// the URL.
func (c Config) String() string { return fmt.Sprintf("%+v", c.redacted()) }

// Format writes what String returns; with %#v it writes the same in Go syntax.
func (c Config) Format(f fmt.State, verb rune) { redact.Format(f, verb, c.redacted()) }

// String names the service whose spans are reported.
func (t *Tracer) String() string { return "zipkin.Tracer of " + t.local.ServiceName }

// Format writes what String returns, for every verb, since the fields contain the
// collector's URL.
func (t *Tracer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// LogValue returns the text of String.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON writes the Config without its secrets, and without the fields that have no
// JSON form.
func (c Config) MarshalJSON() ([]byte, error) {
	b := c.redacted()
	return json.Marshal(struct {
		Service, Collector string
		Sample             float64
	}{b.Service, b.Collector, b.Sample})
}
