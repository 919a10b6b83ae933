package sinew

import (
	"errors"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/fault"
)

// validate reports every fault of what is used from New on. What only a service
// that starts uses is checked by startable.
func (c Config) validate() error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(c.Clients)) {
		if err := c.Clients[name].Validate(); err != nil {
			faults = append(faults, fault.InvalidArgument.Errorf("Config.Clients[%s]: %w", name, err))
		}
	}
	if err := c.Limit.Validate(); err != nil {
		faults = append(faults, fault.InvalidArgument.Errorf("Config.Limit: %w", err))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Static)) {
		urls := c.Static[name]
		if len(urls) == 0 {
			faults = append(faults, fault.InvalidArgument.Errorf("Config.Static[%s]: no address; give one, or leave the service to the registry", name))
		}
		for _, text := range urls {
			if !isBaseURL(text) {
				faults = append(faults, fault.InvalidArgument.Errorf("Config.Static[%s]: %q is no base URL such as http://10.0.0.1:8080", name, text))
			}
		}
	}
	return errors.Join(faults...)
}

// startable reports what keeps a service from serving.
func (c Config) startable() error {
	faults := []error{checkAddress("Addr", c.Addr)}
	if c.Admin != "" {
		faults = append(faults, checkAddress("Admin", c.Admin))
	}
	if c.Advertise != "" {
		faults = append(faults, checkAddress("Advertise", c.Advertise))
	}
	if t := c.TLS; t != nil && len(t.Certificates) == 0 && t.GetCertificate == nil && t.GetConfigForClient == nil {
		faults = append(faults, fault.InvalidArgument.Errorf("Config.TLS: no certificate to serve with; set Certificates or GetCertificate"))
	}
	return errors.Join(faults...)
}

func checkAddress(setting, address string) error {
	if strings.Contains(address, "://") {
		return fault.InvalidArgument.Errorf("Config.%s: %q has a scheme; write host:port alone", setting, address)
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return fault.InvalidArgument.Errorf("Config.%s: %q is no host:port; write :8080 or host:8080: %w", setting, address, err)
	}
	return nil
}

func isBaseURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
		(u.Port() == "" || isPort(u.Port())) && u.RawQuery == "" && u.Fragment == "" && u.Opaque == ""
}

// isPort says that text is a port that can be called.
func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// isHost says that host can be part of a URL as it is. An address with a zone
// means something on this machine alone.
func isHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host != "" && (err != nil || !ip.IsUnspecified() && ip.Zone() == "")
}
