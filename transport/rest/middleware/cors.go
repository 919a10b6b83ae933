package middleware

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rs/cors"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/duration"
)

// CORS is a policy: which pages of other origins may call the service from a browser. The
// zero CORS lets none.
type CORS struct {
	// Origins are the origins of those pages, such as "https://shop.example", or
	// "https://*.shop.example" for all subdomains. "*" is every page, which is refused
	// together with Credentials.
	Origins []string `json:"origins" yaml:"origins"`
	// Methods are those that a page may use; none means GET, HEAD, POST, PUT, PATCH and
	// DELETE.
	Methods []string `json:"methods" yaml:"methods"`
	// Headers are those that a page may send; none means what sinew, its transports and
	// most clients send, among them Authorization, Content-Type, Idempotency-Key,
	// If-None-Match and X-Request-ID.
	Headers []string `json:"headers" yaml:"headers"`
	// Expose are the headers of an answer that a page may read; none means what sinew and
	// its transports write, among them X-Request-ID, Idempotency-Replayed, Retry-After,
	// ETag and Location.
	Expose []string `json:"expose" yaml:"expose"`
	// Credentials lets pages send cookies and certificates of their user.
	Credentials bool `json:"credentials" yaml:"credentials"`
	// MaxAge is how long a browser remembers the answer to a preflight; zero is 10 min, and
	// negative is not at all.
	MaxAge time.Duration `json:"max_age" yaml:"max_age"`
}

// defaultMaxAge saves most preflights of a visit, and a change of the policy reaches every
// browser soon. Chromium remembers for 2 h at most.
const defaultMaxAge = 10 * time.Minute

var (
	corsMethods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
	corsHeaders = []string{
		"Accept", "Authorization", "Content-Encoding", "Content-Type", "Last-Event-ID",
		"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range",
		"Idempotency-Key", "X-Request-ID", "X-Request-Timeout", "X-Requested-With", "Traceparent", "Tracestate",
		"Connect-Protocol-Version", "Connect-Timeout-Ms", "Grpc-Timeout", "X-Grpc-Web", "X-User-Agent",
	}
	corsExposed = []string{
		"ETag", "Accept-Ranges", "Content-Range", "Location", "Retry-After", "Idempotency-Replayed", "WWW-Authenticate", "X-Problem", "X-Request-ID",
		"Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin",
	}
)

// Middleware returns a middleware with this policy. It answers preflights itself, so put
// it before what asks for credentials. It panics when the policy is invalid.
func (c CORS) Middleware() func(http.Handler) http.Handler {
	mustBeValid("CORS", c)
	c = c.WithDefaults()
	options := cors.Options{
		AllowedOrigins: c.Origins, AllowedMethods: c.Methods, AllowedHeaders: c.Headers, ExposedHeaders: c.Expose,
		AllowCredentials: c.Credentials, MaxAge: max(int(c.MaxAge/time.Second), -1),
	}
	if len(c.Origins) == 0 { // which the library understands as all
		options.AllowOriginFunc = func(string) bool { return false }
	}
	return cors.New(options).Handler
}

// Validate returns all errors of the policy joined, each as fault.InvalidArgument.
func (c CORS) Validate() error {
	var faults []error
	for _, origin := range c.Origins {
		switch {
		case origin == "*" && c.Credentials:
			faults = append(faults, fault.InvalidArgument.Errorf("origins: * with credentials would let every page act as its user; name the origins"))
		case origin != "*" && !isOrigin(origin):
			faults = append(faults, fault.InvalidArgument.Errorf("origins: %q is no origin such as https://shop.example or https://*.shop.example", origin))
		}
	}
	for _, method := range c.Methods {
		if method == "" || strings.ContainsAny(method, " ,*") {
			faults = append(faults, fault.InvalidArgument.Errorf("methods: %q is no method such as GET", method))
		}
	}
	if c.Credentials && slices.Contains(c.Expose, "*") {
		faults = append(faults, fault.InvalidArgument.Errorf("expose: with credentials browsers read * as the name of a header; name the headers"))
	}
	return errors.Join(faults...)
}

// isOrigin reports whether text is a scheme and a host, which may begin with "*.".
func isOrigin(text string) bool {
	u, err := url.Parse(strings.Replace(text, "://*.", "://", 1))
	if err != nil {
		return false
	}
	return u.Scheme != "" && u.Host != "" && !strings.Contains(u.Host, "*") && u.User == nil &&
		u.Scheme+"://"+u.Host == strings.Replace(text, "://*.", "://", 1)
}

// WithDefaults returns the policy with its defaults filled in, as it is in force. c must
// be valid.
func (c CORS) WithDefaults() CORS {
	if len(c.Methods) == 0 {
		c.Methods = slices.Clone(corsMethods)
	}
	if len(c.Headers) == 0 {
		c.Headers = slices.Clone(corsHeaders)
	}
	if len(c.Expose) == 0 {
		c.Expose = slices.Clone(corsExposed)
	}
	if c.MaxAge == 0 {
		c.MaxAge = defaultMaxAge
	}
	return c
}

// MarshalJSON writes durations as "1s".
func (c CORS) MarshalJSON() ([]byte, error) { return duration.Marshal(c) }

// UnmarshalJSON reads what MarshalJSON writes. It returns an error for unknown settings.
func (c *CORS) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, c) }
