package sinew

import (
	"crypto/tls"
	"errors"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/redact"
	"github.com/sinew-go/sinew/registry"
)

// Validate reports every fault of the Config at once, as fault.InvalidArgument naming the
// setting. New panics on most of them: call Validate first if a Config was read as data.
// Start finds what depends on the machine, such as a port in use.
func (c Config) Validate() error {
	return errors.Join(c.validate(), c.validateAddresses(), c.validateTLS())
}

// validate reports every fault of what New uses. What only Start uses is checked by
// startable.
func (c Config) validate() error {
	faults := []error{c.validateParts()}
	for _, name := range slices.Sorted(maps.Keys(c.Clients)) {
		if err := c.Clients[name].Validate(); err != nil {
			faults = append(faults, fault.InvalidArgument.Errorf("Config.Clients[%s]: %w", name, err))
		}
	}
	if err := c.Limit.Validate(); err != nil {
		faults = append(faults, fault.InvalidArgument.Errorf("Config.Limit: %w", err))
	}
	if err := c.Codecs.Validate(); err != nil {
		faults = append(faults, fault.InvalidArgument.Errorf("Config.Codecs: %w", err))
	}
	if err := c.validateSecurity(); err != nil {
		faults = append(faults, err)
	}
	if err := c.validateMetrics(); err != nil {
		faults = append(faults, err)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Static)) {
		urls := c.Static[name]
		if len(urls) == 0 {
			faults = append(faults, fault.InvalidArgument.Errorf("Config.Static[%s]: no address; give one, or leave the service to the registry", name))
		}
		for _, text := range urls {
			if !isBaseURL(text) {
				faults = append(faults, fault.InvalidArgument.Errorf("Config.Static[%s]: %q is no base URL such as http://10.0.0.1:8080", name, redact.User(text)))
			} else if err := (registry.Instance{ID: "static", Name: name, Endpoint: text}).Validate(); err != nil {
				faults = append(faults, fault.InvalidArgument.Errorf("Config.Static[%s]: %w", name, err))
			}
		}
	}
	return errors.Join(faults...)
}

// validateSecurity refuses schemes that contradict themselves, and a Security without any,
// which would protect nothing.
func (c Config) validateSecurity() error {
	if c.Security != nil && len(c.Security.Schemes) == 0 {
		return fault.InvalidArgument.Errorf("Config.Security has no Schemes and would protect nothing; give one, or leave Security out")
	}
	if err := c.Security.Validate(); err != nil {
		return fault.InvalidArgument.Errorf("Config.Security: %w", err)
	}
	return nil
}

// validateMetrics refuses a registerer whose metrics /metrics could not show.
func (c Config) validateMetrics() error {
	if c.Metrics == nil && c.Gatherer != nil {
		return fault.InvalidArgument.Errorf("Config.Gatherer is set without Config.Metrics, whose series it is to gather; set both or neither")
	}
	if absent.Is(c.Metrics) {
		return nil // validateParts reports a nil pointer
	}
	if _, ok := c.Metrics.(prometheus.Gatherer); !ok && c.Gatherer == nil {
		return fault.InvalidArgument.Errorf("Config.Metrics, a %T, does not gather what is registered; set Config.Gatherer to what /metrics is to show", c.Metrics)
	}
	return nil
}

// validateParts refuses an interface that holds a nil pointer: it would panic at the first
// request.
func (c Config) validateParts() error {
	var faults []error
	for _, part := range []struct {
		setting string
		value   any
	}{
		{"Listener", c.Listener}, {"Registry", c.Registry}, {"Bus", c.Bus}, {"Transport", c.Transport}, {"Tracer", c.Tracer},
		{"Metrics", c.Metrics}, {"Gatherer", c.Gatherer}, {"Settings", c.Settings}, {"Idempotency", c.Idempotency},
	} {
		if part.value != nil && absent.Is(part.value) {
			faults = append(faults, fault.InvalidArgument.Errorf("Config.%s is a nil %T; leave it out, or give one", part.setting, part.value))
		}
	}
	for _, pattern := range slices.Sorted(maps.Keys(c.AdminPages)) {
		if h := c.AdminPages[pattern]; absent.Is(h) {
			faults = append(faults, fault.InvalidArgument.Errorf("Config.AdminPages[%s] is nil; give a handler", pattern))
		}
	}
	return errors.Join(faults...)
}

// validateAddresses reports addresses that no machine can listen on or be reached at.
func (c Config) validateAddresses() error {
	var faults []error
	switch {
	case c.Listener != nil && c.Addr != "":
		faults = append(faults, fault.InvalidArgument.Errorf("Config.Addr and Config.Listener both say where to listen; set one of them"))
	case c.Addr != "":
		faults = append(faults, checkAddress("Addr", c.Addr))
	}
	if c.Admin != "" {
		faults = append(faults, checkAddress("Admin", c.Admin))
	}
	if c.Advertise != "" {
		err := checkAddress("Advertise", c.Advertise)
		if err == nil {
			err = reachableAt("Advertise", c.Advertise)
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// startable reports what prevents a service from serving.
func (c Config) startable() error {
	faults := []error{c.validateAddresses(), c.validateTLS()}
	if t := c.TLS; t != nil && len(t.Certificates) == 0 && t.GetCertificate == nil && t.GetConfigForClient == nil {
		faults = append(faults, fault.InvalidArgument.Errorf("Config.TLS: no certificate to serve with; set Certificates or GetCertificate"))
	}
	return errors.Join(faults...)
}

// validateTLS refuses to verify callers against the system's authorities: that would trust
// every certificate that one of them has issued to anybody.
func (c Config) validateTLS() error {
	if t := c.TLS; t != nil && t.ClientAuth >= tls.VerifyClientCertIfGiven && t.ClientCAs == nil {
		return fault.InvalidArgument.Errorf("Config.TLS: ClientAuth has callers verified, and ClientCAs is nil, so that any public authority could vouch for them; set ClientCAs to your own")
	}
	return nil
}

func checkAddress(setting, address string) error {
	if strings.Contains(address, "://") {
		return fault.InvalidArgument.Errorf("Config.%s: %q has a scheme; write host:port alone", setting, redact.URL(address))
	}
	if _, _, err := net.SplitHostPort(address); err != nil || strings.Contains(address, "@") {
		why := "it has a user"
		if wrong, ok := errors.AsType[*net.AddrError](err); ok {
			why = wrong.Err
		}
		return fault.InvalidArgument.Errorf("Config.%s: %q is no host:port; write :8080 or host:8080: %s", setting, redact.User(address), why)
	}
	return nil
}

// reachableAt refuses a host:port that others could not call.
func reachableAt(setting, address string) error {
	host, port, err := net.SplitHostPort(address)
	switch {
	case err != nil:
		return fault.InvalidArgument.Errorf("Config.%s: %q is no host:port: %w", setting, address, err)
	case !isHost(host):
		return fault.InvalidArgument.Errorf("Config.%s: %q names no host that others could reach", setting, address)
	case !isPort(port):
		return fault.InvalidArgument.Errorf("Config.%s: %q has no number of a port that others could reach", setting, address)
	}
	if err := (registry.Instance{ID: "this", Name: "this", Endpoint: "http://" + address}).Validate(); err != nil {
		return fault.InvalidArgument.Errorf("Config.%s: %q is an address that nobody could call: %w", setting, address, err)
	}
	return nil
}

func isBaseURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
		(u.Port() == "" || isPort(u.Port())) && u.RawQuery == "" && u.Fragment == "" && u.Opaque == ""
}

// isPort reports whether text is a port that can be called.
func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// isHost reports whether host can be part of a URL as it is. It refuses an address with a
// zone, which is meaningful on this machine only.
func isHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host != "" && !strings.ContainsAny(host, "/?#@") && (err != nil || !ip.IsUnspecified() && ip.Zone() == "")
}

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
