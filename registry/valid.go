package registry

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/redact"
)

// maxName is the maximum length of an ID or a service name, in bytes.
const maxName = 255

// Validate returns nil for an instance that may be registered and called. Otherwise it
// returns fault.InvalidArgument with one of these rules that the instance violates.
//
// ID and name are UTF-8 without control characters, of 1 to 255 bytes.
//
// The endpoint is a base URL: http or https, a host that others can reach, and a port
// from 1 to 65535 or none. It has no user or password, no query and no fragment. Its
// address is not unspecified, link-local (where clouds serve credentials, as AWS does at
// fd00:ec2::254), multicast or broadcast, has no IPv6 zone, and is no IPv6 address that
// embeds such an IPv4 address. A host name is ASCII; it is not resolved.
//
// A health check that names a host follows the rules for an endpoint, but may have a query.
// An empty status is valid.
func (i Instance) Validate() error {
	switch {
	case i.ID == "":
		return fault.InvalidArgument.Errorf("an instance of service %q has no id", i.Name)
	case i.Name == "":
		return fault.InvalidArgument.Errorf("instance %q has no service name", i.ID)
	case i.Endpoint == "":
		return fault.InvalidArgument.Errorf("instance %q of service %q has no endpoint", i.ID, i.Name)
	}
	for _, part := range []struct{ is, text string }{{"id", i.ID}, {"service name", i.Name}} {
		if why := badName(part.text); why != "" {
			return fault.InvalidArgument.Errorf("instance %.64q of service %.64q: its %s %s", i.ID, i.Name, part.is, why)
		}
	}
	if err := i.checkEndpoint(); err != nil {
		return err
	}
	if u, err := url.Parse(i.HealthCheck); err == nil && u.Host != "" {
		if why := badURL(u); why != "" {
			return fault.InvalidArgument.Errorf("instance %q of service %q: health check %q %s", i.ID, i.Name, redact.URL(i.HealthCheck), why)
		}
	}
	if i.Status == "" {
		return nil
	}
	return i.Status.Validate()
}

// checkEndpoint reports what prevents others from calling the instance.
func (i Instance) checkEndpoint() error {
	if why := badEndpoint(i.Endpoint); why != "" {
		return fault.InvalidArgument.Errorf("instance %q of service %q: endpoint %q %s", i.ID, i.Name, redact.URL(i.Endpoint), why)
	}
	return nil
}

// badName returns what is wrong with an ID or a name, or "".
func badName(text string) string {
	switch {
	case len(text) > maxName:
		return "has " + strconv.Itoa(len(text)) + " bytes; at most " + strconv.Itoa(maxName) + " are taken"
	case !utf8.ValidString(text):
		return "is no UTF-8"
	case strings.ContainsFunc(text, unicode.IsControl):
		return "has a control character"
	}
	return ""
}

// badEndpoint returns what is wrong with an endpoint, or "".
func badEndpoint(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Scheme == "", u.Hostname() == "":
		return "is no base URL such as http://10.0.0.1:8080"
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		return "has a query or a fragment, and is no base URL such as http://10.0.0.1:8080"
	}
	return badURL(u)
}

// badURL returns what is wrong with the target of a URL, or "".
func badURL(u *url.URL) string {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return "has the scheme " + u.Scheme + "; there are http and https"
	case u.User != nil:
		return "has a user or password, which everybody could read"
	case !isPort(u):
		return "has no port between 1 and 65535"
	}
	return badHost(u.Hostname())
}

func isPort(u *url.URL) bool {
	if !strings.HasSuffix(u.Host, ":") && u.Port() == "" {
		return true
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && n > 0
}

// badHost returns what is wrong with a host, or "".
func badHost(host string) string {
	host = strings.TrimSuffix(host, ".") // a fully qualified DNS name ends with a dot
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return badDomain(host)
	}
	ip = embeddedIPv4(ip)
	switch zone := ip.Zone(); {
	case zone != "":
		return "has the zone " + zone + ", which means something on one machine alone"
	case ip.Unmap().IsLinkLocalUnicast(), ip == metadataIPv6:
		return "is link-local: that is another machine for each caller, and in a cloud its metadata service"
	case ip.IsUnspecified() || ip.Unmap().Is4() && ip.Unmap().As4()[0] == 0:
		return "is an address to listen at; register the one that others reach"
	case ip.Unmap().IsMulticast() || ip.Unmap() == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "is an address of many machines"
	}
	return ""
}

// metadataIPv6 is the IPv6 address of the metadata service of AWS. It lies in a range
// that otherwise belongs to private networks.
var metadataIPv6 = netip.MustParseAddr("fd00:ec2::254")

// IPv6 networks whose addresses embed an IPv4 address, and at which byte: IPv4-compatible
// addresses (RFC 4291), NAT64 (RFC 6052, RFC 8215) and 6to4 (RFC 3056).
var embeddingNetworks = []struct {
	network netip.Prefix
	at      int
}{
	{netip.MustParsePrefix("::/96"), 12}, {netip.MustParsePrefix("64:ff9b::/96"), 12},
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12}, {netip.MustParsePrefix("2002::/16"), 2},
}

// embeddedIPv4 returns the IPv4 address that ip embeds, or else ip.
func embeddedIPv4(ip netip.Addr) netip.Addr {
	if ip.Unmap().Is4() || ip.IsUnspecified() || ip.IsLoopback() || ip.Zone() != "" {
		return ip
	}
	all := ip.As16()
	for _, c := range embeddingNetworks {
		if c.network.Contains(ip) {
			return netip.AddrFrom4([4]byte(all[c.at : c.at+4]))
		}
	}
	return ip
}

// badDomain returns what is wrong with a host that is no address, or "". A resolver may
// read a name whose last label is a number as an IPv4 address: 2852039166 and 0xa9fea9fe
// are both 169.254.169.254.
func badDomain(host string) string {
	if host == "" || len(host) > 253 || strings.ContainsFunc(host, notInDomain) {
		return "has no host name of up to 253 ASCII letters, digits, hyphens, underscores and dots"
	}
	last := strings.ToLower(host[strings.LastIndexByte(host, '.')+1:])
	hex, isHex := strings.CutPrefix(last, "0x")
	if strings.Trim(last, "0123456789") == "" || isHex && strings.Trim(hex, "0123456789abcdef") == "" {
		return "has a host that is neither a name nor an address as it is usually written"
	}
	return ""
}

func notInDomain(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
}
