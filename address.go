package sinew

import (
	"net"
	"net/netip"
	"strings"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
)

// advertised is the host:port that goes into the registry for a listener at
// bound. One that has none, on a socket of this machine, is called by no registry.
func (c Config) advertised(bound net.Addr) (string, error) {
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
		if address, err = c.reachable(bound); err != nil {
			return "", err
		}
	}
	if err := reachableAt(setting, address); err != nil {
		return "", err
	}
	host, _, _ := net.SplitHostPort(address)
	if c.leavesMachine() && isLoopback(host) && len(ownAddresses()) > 0 {
		return "", fault.InvalidArgument.Errorf(
			"Config.%s: %q is reached from this machine alone, and the registry tells it to others; set Config.Advertise to an address that they reach, or Config.Addr to a port without a host", setting, address)
	}
	return address, nil
}

// isLoopback says that a host is this machine for whoever asks. RFC 6761 has all
// names below localhost so; the other two are in the hosts file of most systems.
func isLoopback(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().IsLoopback()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "localhost.localdomain" || host == "ip6-localhost"
}

// leavesMachine says that what is registered is read by other processes.
func (c Config) leavesMachine() bool {
	if c.Registry == nil {
		return false
	}
	_, inProcess := c.Registry.(*registry.Memory)
	return !inProcess
}

// reachable is the bound port with the configured host. Where none is
// configured it is an address of this machine: loopback, unless the registry is
// read by others.
func (c Config) reachable(bound net.Addr) (string, error) {
	host, port, err := net.SplitHostPort(bound.String())
	switch {
	case err != nil:
		return "", fault.InvalidArgument.Errorf("a listener at %s is at no host:port; set Config.Advertise to one: %w", bound, err)
	case c.Listener == nil:
		if host, _, err = net.SplitHostPort(c.Addr); err != nil {
			return "", fault.InvalidArgument.Errorf("Config.Addr: %q is no host:port: %w", c.Addr, err)
		}
	}
	if ip, _ := netip.ParseAddr(host); host != "" && !ip.IsUnspecified() { // a name parses as no address
		return net.JoinHostPort(host, port), nil
	}
	if own := ownAddresses(); c.leavesMachine() && len(own) > 0 {
		return net.JoinHostPort(own[0].String(), port), nil
	}
	return net.JoinHostPort("127.0.0.1", port), nil
}

// ownAddresses are this machine's addresses that others can reach, IPv4 first.
func ownAddresses() []netip.Addr {
	var v4, v6 []netip.Addr
	all, _ := net.InterfaceAddrs() // none is an answer
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
