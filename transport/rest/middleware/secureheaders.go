package middleware

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/duration"
	"github.com/sinew-go/sinew/internal/wire"
)

// SecureHeaders is a policy: what browsers may do with the answers of the service. Each
// answer says X-Content-Type-Options: nosniff, and what the fields say. A header that a
// handler sets itself counts instead; a field that is "-" leaves its header out.
type SecureHeaders struct {
	// ContentSecurityPolicy is the header of this name; empty is "frame-ancestors 'none'".
	// A service without pages of HTML may have "default-src 'none'; frame-ancestors 'none'".
	ContentSecurityPolicy string `json:"content_security_policy" yaml:"content_security_policy"`
	// FrameOptions is the header X-Frame-Options, which old browsers read instead of
	// frame-ancestors; empty is "DENY".
	FrameOptions string `json:"frame_options" yaml:"frame_options"`
	// ReferrerPolicy is the header Referrer-Policy; empty is "no-referrer".
	ReferrerPolicy string `json:"referrer_policy" yaml:"referrer_policy"`
	// HSTS is how long browsers use the host by HTTPS alone after an answer over TLS; zero
	// is a year, negative sends no Strict-Transport-Security. Subdomains are not included.
	// A service behind a proxy that ends TLS sends none: the proxy has to.
	HSTS time.Duration `json:"hsts" yaml:"hsts"`
}

const (
	defaultHSTS = 365 * 24 * time.Hour // the minimum of hstspreload.org
	noHeader    = "-"
)

// Middleware returns a middleware with this policy. It panics when the policy is invalid.
func (s SecureHeaders) Middleware() func(http.Handler) http.Handler {
	mustBeValid("SecureHeaders", s)
	s = s.WithDefaults()
	always := map[string]string{
		"X-Content-Type-Options": "nosniff", "Content-Security-Policy": s.ContentSecurityPolicy,
		"X-Frame-Options": s.FrameOptions, "Referrer-Policy": s.ReferrerPolicy,
	}
	strict := "max-age=" + strconv.FormatInt(int64(s.HSTS/time.Second), 10)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for name, value := range always {
				if value != noHeader {
					w.Header().Set(name, value)
				}
			}
			if r.TLS != nil && s.HSTS > 0 {
				w.Header().Set("Strict-Transport-Security", strict)
			}
			next.ServeHTTP(w, r)
		})
	}
}

// Validate returns all errors of the policy joined, each as fault.InvalidArgument.
func (s SecureHeaders) Validate() error {
	var faults []error
	for _, f := range []struct{ name, value string }{
		{"content_security_policy", s.ContentSecurityPolicy}, {"frame_options", s.FrameOptions}, {"referrer_policy", s.ReferrerPolicy},
	} {
		if !wire.IsHeaderValue(f.value) {
			faults = append(faults, fault.InvalidArgument.Errorf("%s: %q has a character that no header may have", f.name, f.value))
		}
	}
	if f := s.FrameOptions; f != "" && f != noHeader && !strings.EqualFold(f, "DENY") && !strings.EqualFold(f, "SAMEORIGIN") {
		faults = append(faults, fault.InvalidArgument.Errorf("frame_options: %q is neither DENY nor SAMEORIGIN", f))
	}
	if s.HSTS > 0 && s.HSTS < time.Second {
		faults = append(faults, fault.InvalidArgument.Errorf("hsts: %s is below a second", s.HSTS))
	}
	return errors.Join(faults...)
}

// WithDefaults returns the policy with its defaults filled in, as it is in force. s must
// be valid.
func (s SecureHeaders) WithDefaults() SecureHeaders {
	s.ContentSecurityPolicy = cmp.Or(s.ContentSecurityPolicy, "frame-ancestors 'none'")
	s.FrameOptions = cmp.Or(s.FrameOptions, "DENY")
	s.ReferrerPolicy = cmp.Or(s.ReferrerPolicy, "no-referrer")
	s.HSTS = cmp.Or(s.HSTS, defaultHSTS)
	return s
}

// MarshalJSON writes durations as "1s".
func (s SecureHeaders) MarshalJSON() ([]byte, error) { return duration.Marshal(s) }

// UnmarshalJSON reads what MarshalJSON writes. It returns an error for unknown settings.
func (s *SecureHeaders) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, s) }
