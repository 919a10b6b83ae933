package main

import (
	"log/slog"
	"net"
	"strings"
	"testing"
)

func TestTheGatewayURLHasTheHostOfTheFlagAndTheRealPort(t *testing.T) {
	for gateway, want := range map[string]string{":0": "http://127.0.0.1:", "0.0.0.0:0": "http://127.0.0.1:", "127.0.0.1:0": "http://127.0.0.1:", "localhost:0": "http://localhost:"} {
		t.Run(gateway, func(t *testing.T) {
			s := openAt(t, gateway)
			if url := s.gatewayURL(); !strings.HasPrefix(url, want) || strings.HasSuffix(url, ":0") {
				t.Errorf("the URL of %s is %s", gateway, url)
			}
			s.ok(200, "GET", "/readyz", "")
		})
	}
}

func TestAGatewayOnLoopbackIsRegisteredUnderAReservedName(t *testing.T) {
	for _, gateway := range []string{"127.0.0.1:0", "localhost:0", "127.0.0.1:8080"} {
		p := &platform{options: options{gateway: gateway, registry: "consul", log: slog.New(slog.DiscardHandler)}}
		addr, advertised, err := p.gatewayAddresses()
		if err != nil {
			t.Fatal(err)
		}
		host, port, _ := net.SplitHostPort(addr)
		if wanted, _, _ := net.SplitHostPort(gateway); host != wanted || port == "0" || advertised != "gateway.invalid:"+port {
			t.Errorf("%s listens at %s and is registered as %s", gateway, addr, advertised)
		}
	}
	p := &platform{options: options{gateway: ":8080", registry: "consul"}}
	if addr, advertised, err := p.gatewayAddresses(); addr != ":8080" || advertised != "" || err != nil {
		t.Errorf("an open gateway listens at %s and is registered as %q (%v)", addr, advertised, err)
	}
}
