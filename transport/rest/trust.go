package rest

import (
	"cmp"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/sinew-go/sinew/internal/headertext"
)

// Verified trusts a caller with a certificate that the server has verified
// (tls.Config.ClientCAs, with ClientAuth VerifyClientCertIfGiven or
// RequireAndVerifyClientCert).
func Verified(r *http.Request) bool {
	return r.TLS != nil && len(r.TLS.VerifiedChains) > 0 && len(r.TLS.VerifiedChains[0]) > 0
}

// SameMachine trusts what comes from this machine: the sender's address is
// loopback, or the one that it was sent to. What says that it came through a proxy
// (Forwarded, X-Forwarded-For, Via and their like) is not trusted; but a proxy on
// this machine need not say so, and then the whole world is taken for this
// machine. So it is for services that no proxy stands before.
func SameMachine(r *http.Request) bool {
	ip, ok := peerOf(r)
	if !ok {
		return false
	}
	local, known := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ip.IsLoopback() || known && local.AddrPort().Addr().Unmap() == ip
}

// Networks trusts what is sent from an address in one of these networks. What says
// that it came through a proxy (Forwarded, X-Forwarded-For, Via and their like) is
// not trusted; but a proxy need not say so, and what passes one that lies in these
// networks and does not is taken for the proxy's own. With no network it trusts
// nobody.
func Networks(networks ...netip.Prefix) func(*http.Request) bool {
	return func(r *http.Request) bool {
		ip, ok := peerOf(r)
		if !ok {
			return false
		}
		for _, n := range networks {
			if n.Contains(ip) || n.Addr().Is4In6() && n.Contains(netip.AddrFrom16(ip.As16())) {
				return true
			}
		}
		return false
	}
}

// peerOf is the address that a request was sent from, unless it says that it came
// through a proxy.
func peerOf(r *http.Request) (ip netip.Addr, ok bool) {
	for name := range r.Header {
		if byProxy(name) {
			return ip, false
		}
	}
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	return at.Addr().Unmap().WithZone(""), err == nil
}

// byProxy says that a header is one that proxies add. They have many names for the
// address that a request came from.
func byProxy(name string) bool {
	switch name {
	case "Via", "Cdn-Loop", "Cf-Ray", "X-Original-Host", "X-Original-Uri", "X-Original-Url", "X-Scheme", "X-Remote-Addr", "X-Client-Addr":
		return true
	}
	return strings.Contains(name, "orwarded") || strings.HasSuffix(name, "-Ip") || strings.HasSuffix(name, "Clientip") ||
		strings.HasPrefix(name, "X-Envoy-") || strings.HasPrefix(name, "Proxy-")
}

// nameOf is the name of a caller that is trusted: that of its certificate, or, where
// it has shown none with a name, what it calls itself.
func nameOf(r *http.Request) string {
	name := ""
	if Verified(r) {
		name = certified(r.TLS.VerifiedChains[0][0])
	}
	return cmp.Or(name, headertext.OrEmpty(r.Header.Get(headerService)))
}

// certified is the name in a certificate: that of its subject, or else the first
// of its other names; "" where it has none that can travel.
func certified(c *x509.Certificate) string {
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
