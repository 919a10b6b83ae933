package main

import (
	"context"
	"net"
	"net/url"
)

// gatewayURL is the gateway's URL on this machine: the host of -gateway, or 127.0.0.1 if
// that has none. It is empty before the gateway listens.
func (p *platform) gatewayURL() string {
	at, err := url.Parse(p.services[len(p.services)-1].URL())
	if err != nil || at.Host == "" {
		return ""
	}
	host, _, _ := net.SplitHostPort(p.gateway) // the gateway listens there
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, at.Port())
}

// gatewayAddresses returns where the gateway listens, and which address it registers; an
// empty advertise is its own address. A gateway on loopback serves this machine only, and
// a registry for several machines refuses such an address. No service calls the gateway,
// so any name is fine, and a reserved one misleads nobody.
func (p *platform) gatewayAddresses() (addr, advertise string, err error) {
	host, port, _ := net.SplitHostPort(p.gateway) // the service reports what is wrong with it
	if p.options.registry == "memory" || !isLoopback(p.gateway) {
		return p.gateway, "", nil
	}
	if port == "0" { // the real port must be known before the gateway listens
		if port, err = freePort(host); err != nil {
			return "", "", err
		}
	}
	return net.JoinHostPort(host, port), net.JoinHostPort("gateway.invalid", port), nil
}

// isLoopback reports whether only this machine can reach an address.
func isLoopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

func freePort(host string) (string, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if closing := l.Close(); err == nil {
		err = closing
	}
	return port, err
}
