package zipkin

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"

	"github.com/sinew-go/sinew/internal/redact"
)

// bare is a Config without methods.
type bare Config

// discreet is c with nothing secret in it.
func (c Config) discreet() bare {
	c.Collector = redact.URL(c.Collector)
	return bare(c)
}

// String shows the Config without its secrets: not user, password or query in the URL.
func (c Config) String() string { return fmt.Sprintf("%+v", c.discreet()) }

// Format writes what String does, and with %#v the same in the syntax of Go.
func (c Config) Format(f fmt.State, verb rune) { redact.Format(f, verb, c.discreet()) }

// String names the service whose spans they are.
func (t *Tracer) String() string { return "zipkin.Tracer of " + t.local.ServiceName }

// Format writes String, whatever the verb: beneath is the collector's URL.
func (t *Tracer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// LogValue is String.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON writes the Config without its secrets, and without what has no JSON
// form.
func (c Config) MarshalJSON() ([]byte, error) {
	b := c.discreet()
	return json.Marshal(struct {
		Service, Collector string
		Sample             float64
	}{b.Service, b.Collector, b.Sample})
}
