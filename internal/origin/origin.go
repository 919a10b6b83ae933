// Package origin compares the origins of URLs.
package origin

import (
	"net/url"
	"strings"
)

// Same reports whether two URLs have the same scheme, host and port, so that what is
// meant for one may go to the other.
func Same(a, b *url.URL) bool {
	return strings.EqualFold(a.Scheme, b.Scheme) && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	switch strings.ToLower(u.Scheme) {
	case "http":
		return "80"
	case "https":
		return "443"
	}
	return ""
}
