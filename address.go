package sinew

import (
	"net"
	"net/netip"
	"strings"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
)

// advertisedAddress returns the host:port that is registered for a listener at bound. It
// is "localhost" for a listener without a host:port, such as a Unix socket, if there is no
// registry.
func (c Config) advertisedAddress(bound net.Addr) (string, error) {
	address, setting := c.Advertise, "Advertise"
	if address == "" {
		setting = "Addr"
		if c.Listener != nil {
			setting = "Listener"
			if _, _, err := net.SplitHostPort(bound.String()); err != nil && c.Registry == nil {
				return "localhost", nil
			}
		}
		var err error
		if address, err = c.reachableAddress(bound); err != nil {
			return "", err
		}
	}
	if err := reachableAt(setting, address); err != nil {
		return "", err
	}
	host, _, _ := net.SplitHostPort(address)
	if c.registryIsShared() && isLoopback(host) && len(ownAddresses()) > 0 {
		return "", fault.InvalidArgument.Errorf(
			"Config.%s: %q is reached from this machine alone, and the registry tells it to others; set Config.Advertise to an address that they reach, or Config.Addr to a port without a host", setting, address)
	}
	return address, nil
}

// isLoopback reports whether host means this machine to whoever resolves it. RFC 6761 says
// so of all names below localhost; most systems have the other two in their hosts file.
func isLoopback(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().IsLoopback()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "localhost.localdomain" || host == "ip6-localhost"
}

// registryIsShared reports whether other processes read the registry.
func (c Config) registryIsShared() bool {
	if c.Registry == nil {
		return false
	}
	_, inProcess := c.Registry.(*registry.Memory)
	return !inProcess
}

// reachableAddress joins the bound port and the configured host. If no host is configured,
// it uses an address of this machine: loopback, unless other processes read the registry.
func (c Config) reachableAddress(bound net.Addr) (string, error) {
	host, port, err := net.SplitHostPort(bound.String())
	switch {
	case err != nil:
		return "", fault.InvalidArgument.Errorf("a listener at %s is at no host:port; set Config.Advertise to one: %w", bound, err)
	case c.Listener == nil:
		if host, _, err = net.SplitHostPort(c.Addr); err != nil {
			return "", fault.InvalidArgument.Errorf("Config.Addr: %q is no host:port: %w", c.Addr, err)
		}
	}
	if ip, _ := netip.ParseAddr(host); host != "" && !ip.IsUnspecified() { // a name does not parse
		return net.JoinHostPort(host, port), nil
	}
	if own := ownAddresses(); c.registryIsShared() && len(own) > 0 {
		return net.JoinHostPort(own[0].String(), port), nil
	}
	return net.JoinHostPort("127.0.0.1", port), nil
}

// ownAddresses returns this machine's addresses that others can reach, IPv4 first.
func ownAddresses() []netip.Addr {
	var v4, v6 []netip.Addr
	all, _ := net.InterfaceAddrs() // on an error there is none
	for _, a := range all {
		network, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		ip, ok := netip.AddrFromSlice(network.IP)
		if ip = ip.Unmap(); !ok || !ip.IsGlobalUnicast() {
			continue
		}
		if ip.Is4() {
			v4 = append(v4, ip)
		} else {
			v6 = append(v6, ip)
		}
	}
	return append(v4, v6...)
}
