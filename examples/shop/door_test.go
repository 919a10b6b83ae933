package main

import (
	"log/slog"
	"net"
	"strings"
	"testing"
)

func TestTheDoorIsAtTheHostOfTheGatewayAndItsRealPort(t *testing.T) {
	for gateway, want := range map[string]string{":0": "http://127.0.0.1:", "0.0.0.0:0": "http://127.0.0.1:", "127.0.0.1:0": "http://127.0.0.1:", "localhost:0": "http://localhost:"} {
		t.Run(gateway, func(t *testing.T) {
			s := openAt(t, gateway)
			if door := s.door(); !strings.HasPrefix(door, want) || strings.HasSuffix(door, ":0") {
				t.Errorf("the door of %s is %s", gateway, door)
			}
			s.ok(200, "GET", "/readyz", "")
		})
	}
}

func TestADoorOnLoopbackIsRegisteredUnderANameOfNobody(t *testing.T) {
	for _, gateway := range []string{"127.0.0.1:0", "localhost:0", "127.0.0.1:8080"} {
		p := &platform{options: options{gateway: gateway, registry: "consul", log: slog.New(slog.DiscardHandler)}}
		addr, advertised, err := p.doorway()
		if err != nil {
			t.Fatal(err)
		}
		host, port, _ := net.SplitHostPort(addr)
		if wanted, _, _ := net.SplitHostPort(gateway); host != wanted || port == "0" || advertised != "gateway.invalid:"+port {
			t.Errorf("%s listens at %s and is registered as %s", gateway, addr, advertised)
		}
	}
	p := &platform{options: options{gateway: ":8080", registry: "consul"}}
	if addr, advertised, err := p.doorway(); addr != ":8080" || advertised != "" || err != nil {
		t.Errorf("an open door listens at %s and is registered as %q (%v)", addr, advertised, err)
	}
}
