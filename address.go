package sinew

import (
	"net"
	"net/netip"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
)

// advertised is the host:port that goes into the registry for a listener at
// bound.
func (c Config) advertised(bound net.Addr) (string, error) {
	address, setting := c.Advertise, "Advertise"
	if address == "" {
		setting = "Addr"
		var err error
		if address, err = c.reachable(bound); err != nil {
			return "", err
		}
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fault.InvalidArgument.Errorf("Config.%s: %q is no host:port: %w", setting, address, err)
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case !isHost(host):
		return "", fault.InvalidArgument.Errorf("Config.%s: %q names no host that others could reach", setting, address)
	case !isPort(port):
		return "", fault.InvalidArgument.Errorf("Config.%s: %q has no number of a port that others could reach", setting, address)
	case c.leavesMachine() && (host == "localhost" || err == nil && ip.IsLoopback()) && len(ownAddresses()) > 0:
		return "", fault.InvalidArgument.Errorf(
			"Config.%s: %q is reached from this machine alone, and the registry tells it to others; set Config.Advertise to an address that they reach, or Config.Addr to a port without a host", setting, address)
	}
	return address, nil
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
	_, port, err := net.SplitHostPort(bound.String())
	if err != nil {
		return "", fault.Internal.Errorf("listener at %s: %w", bound, err)
	}
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return "", fault.InvalidArgument.Errorf("Config.Addr: %q is no host:port: %w", c.Addr, err)
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
