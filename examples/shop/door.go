package main

import (
	"context"
	"net"
	"net/url"
)

// door is the gateway's URL on this machine, "" before it listens: at the host
// of -gateway, or on loopback where that names none.
func (p *platform) door() string {
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

// doorway is where the gateway listens and what it is registered as, "" for its
// own address. A door on loopback is for this machine alone, and a registry of
// many machines does not take its address. But no service calls the gateway:
// any name will do, and one that no machine has misleads nobody.
func (p *platform) doorway() (addr, advertise string, err error) {
	host, port, _ := net.SplitHostPort(p.gateway) // the service says what is wrong with it
	if p.options.registry == "memory" || !loopback(p.gateway) {
		return p.gateway, "", nil
	}
	if port == "0" { // the name needs the real one before the gateway listens
		if port, err = freePort(host); err != nil {
			return "", "", err
		}
	}
	return net.JoinHostPort(host, port), net.JoinHostPort("gateway.invalid", port), nil
}

// loopback says that an address is for this machine alone.
func loopback(address string) bool {
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
