package wire

import (
	"cmp"
	"crypto/x509"
	"net/http"

	"github.com/sinew-go/sinew/internal/headertext"
)

// callerName returns the name of a trusted caller: the name in its certificate, or, if
// there is none, what it calls itself.
func callerName(r *http.Request) string {
	name := ""
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 && len(r.TLS.VerifiedChains[0]) > 0 {
		name = certificateName(r.TLS.VerifiedChains[0][0])
	}
	return cmp.Or(name, headertext.OrEmpty(r.Header.Get(HeaderService)))
}

// certificateName returns the common name in a certificate, or else the first of its other
// names; "" if it has none that fits into a header.
func certificateName(c *x509.Certificate) string {
	names := append([]string{c.Subject.CommonName}, c.DNSNames...)
	for _, u := range c.URIs {
		names = append(names, u.String())
	}
	for _, name := range append(names, c.EmailAddresses...) {
		if name = headertext.OrEmpty(name); name != "" {
			return name
		}
	}
	return ""
}
