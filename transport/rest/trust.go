package rest

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Verified trusts a caller with a certificate that the server has verified
// (tls.Config.ClientCAs, with ClientAuth VerifyClientCertIfGiven or
// RequireAndVerifyClientCert).
func Verified(r *http.Request) bool {
	return r.TLS != nil && len(r.TLS.VerifiedChains) > 0 && len(r.TLS.VerifiedChains[0]) > 0
}

// SameMachine trusts requests from this machine: the sender's address is loopback, or the
// address that the request was sent to. It does not trust a request whose headers say
// that it passed a proxy (Forwarded, X-Forwarded-For, Via and the like). But a proxy on
// this machine need not add such a header, and then the whole world looks like this
// machine. So use SameMachine only for services without a proxy in front of them.
func SameMachine(r *http.Request) bool {
	ip, ok := directPeer(r)
	if !ok {
		return false
	}
	local, known := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ip.IsLoopback() || known && local.AddrPort().Addr().Unmap() == ip
}

// Networks trusts requests from an address in one of these networks. It does not trust a
// request whose headers say that it passed a proxy (Forwarded, X-Forwarded-For, Via and
// the like). But a proxy need not add such a header: one within these networks that adds
// none makes everything that passes it look like its own. Without any network it trusts
// nobody.
func Networks(networks ...netip.Prefix) func(*http.Request) bool {
	return func(r *http.Request) bool {
		ip, ok := directPeer(r)
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

// directPeer returns the address that sent a request. ok is false if a header says that
// the request passed a proxy.
func directPeer(r *http.Request) (ip netip.Addr, ok bool) {
	for name := range r.Header {
		if isProxyHeader(name) {
			return ip, false
		}
	}
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	return at.Addr().Unmap().WithZone(""), err == nil
}

// isProxyHeader reports whether a header is one that proxies add. They have many names for
// the address of the original sender.
func isProxyHeader(name string) bool {
	switch name {
	case "Via", "Cdn-Loop", "Cf-Ray", "X-Original-Host", "X-Original-Uri", "X-Original-Url", "X-Scheme", "X-Remote-Addr", "X-Client-Addr":
		return true
	}
	return strings.Contains(name, "orwarded") || strings.HasSuffix(name, "-Ip") || strings.HasSuffix(name, "Clientip") ||
		strings.HasPrefix(name, "X-Envoy-") || strings.HasPrefix(name, "Proxy-")
}
