package sinew_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/retry"
)

// refusal is what New panics with, "" if it does not.
func refusal(name string, c sinew.Config) (said string) {
	defer func() {
		if p := recover(); p != nil {
			said = fmt.Sprint(p)
		}
	}()
	sinew.New(name, local(c))
	return ""
}

func TestNewRefusesWhatCannotWorkNamingTheSetting(t *testing.T) {
	policy := func(p sinew.ClientPolicy) sinew.Config {
		return sinew.Config{Clients: map[string]sinew.ClientPolicy{"inventory": p}}
	}
	static := func(urls ...string) sinew.Config {
		return sinew.Config{Static: map[string][]string{"inventory": urls}}
	}
	for want, c := range map[string]sinew.Config{
		"Config.Clients[inventory]: timeout: -1s":         policy(sinew.ClientPolicy{Timeout: -time.Second}),
		"Config.Clients[inventory]: retry: attempts":      policy(sinew.ClientPolicy{Retry: retry.Policy{Attempts: -1}}),
		"Config.Clients[inventory]: breaker: timeout":     policy(sinew.ClientPolicy{Breaker: breaker.Policy{Timeout: -1}}),
		"Config.Clients[inventory]: balance: algorithm":   policy(sinew.ClientPolicy{Balance: loadbalance.Policy{Algorithm: "best"}}),
		"Config.Static[inventory]: no address":            static(),
		`Config.Static[inventory]: "10.0.0.1:80"`:         static("http://10.0.0.1:80", "10.0.0.1:80"),
		`Config.Static[inventory]: "localhost:80"`:        static("localhost:80"),
		`Config.Static[inventory]: "tcp://10.0.0.1:80"`:   static("tcp://10.0.0.1:80"),
		`Config.Static[inventory]: "http://:80"`:          static("http://:80"),
		`Config.Static[inventory]: "http://h:80/?x=1"`:    static("http://h:80/?x=1"),
		`Config.Static[inventory]: "http://h:99999"`:      static("http://h:99999"),
		`Config.Static[inventory]: "http://10.0.0.1:80 "`: static("http://10.0.0.1:80 "),
	} {
		if said := refusal("shop", c); !strings.Contains(strings.ReplaceAll(said, "invalid argument: ", ""), want) || !strings.Contains(said, "sinew.New(shop)") {
			t.Errorf("want %s, got %q", want, said)
		}
	}
	for _, name := range []string{"", "a\nb", strings.Repeat("x", 129)} {
		if said := refusal(name, sinew.Config{}); !strings.Contains(said, "name") {
			t.Errorf("the name %q: %q", name, said)
		}
	}
	if said := refusal("shop", static("http://10.0.0.1:80", "https://[::1]:80/base/", "http://host")); said != "" {
		t.Error(said)
	}
}

func TestStartRefusesWhatCannotWorkNamingTheSetting(t *testing.T) {
	taken := strings.TrimPrefix(inventory(t, sinew.Config{}).URL(), "http://")
	for want, c := range map[string]sinew.Config{
		"Config.Addr: " + taken + " is taken":         {Addr: taken},
		`Config.Addr: "nowhere" is no host:port`:      {Addr: "nowhere"},
		`Config.Addr: "http://127.0.0.1:0" has a`:     {Addr: "http://127.0.0.1:0"},
		`Config.Addr: cannot listen on "192.0.2.1:0"`: {Addr: "192.0.2.1:0"},
		`Config.Advertise: "0.0.0.0:80"`:              {Advertise: "0.0.0.0:80"},
		`Config.Advertise: "host" is no host:port`:    {Advertise: "host"},
		`Config.Advertise: "http://host:80" has a`:    {Advertise: "http://host:80"},
		`Config.Advertise: "host:0"`:                  {Advertise: "host:0"},
		`Config.Advertise: "host:http"`:               {Advertise: "host:http"},
		`Config.Advertise: "[fe80::1%eth0]:80"`:       {Advertise: "[fe80::1%eth0]:80"},
		"Config.Admin: " + taken + " is taken":        {Admin: taken},
		`Config.Admin: "nowhere" is no host:port`:     {Admin: "nowhere"},
		"Config.TLS: no certificate":                  {TLS: &tls.Config{MinVersion: tls.VersionTLS12}},
	} {
		svc := sinew.New("x", local(c))
		err := svc.Start(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || svc.URL() != "" {
			t.Errorf("want %s, got %v; it serves at %q", want, err, svc.URL())
		}
		if code := fault.CodeOf(err); code != fault.InvalidArgument && code != fault.Unavailable {
			t.Errorf("%s: %v", want, code)
		}
		if err := svc.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestALoopbackAddressDoesNotGoIntoARegistryThatOthersRead(t *testing.T) {
	svc := sinew.New("x", local(sinew.Config{Registry: remote()}))
	defer svc.Shutdown(t.Context())
	err := svc.Start(t.Context())
	if own := hasOwnAddress(); own && (!errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), "Config.Advertise")) {
		t.Error(err)
	}
}

func TestServiceOnIPv6IsReached(t *testing.T) {
	svc := sinew.New("inventory", local(sinew.Config{Addr: "[::1]:0"}))
	api.GetStock.Handle(svc, stock.Get)
	if err := svc.Start(t.Context()); err != nil {
		t.Skip("no IPv6 here:", err)
	}
	defer svc.Shutdown(t.Context())
	if status, _, _ := get(t, svc.URL()+"/inventory/p-1"); status != 200 || !strings.HasPrefix(svc.URL(), "http://[::1]:") {
		t.Errorf("%s: %d", svc.URL(), status)
	}
}

func TestAConfigThatChangesLaterChangesNothing(t *testing.T) {
	c := sinew.Config{
		Clients: map[string]sinew.ClientPolicy{"inventory": {}}, Static: map[string][]string{"inventory": {"http://10.0.0.1:80"}},
		Registry: registry.NewMemory(), Metadata: map[string]string{"zone": "a"}, Tags: []string{"a"},
	}
	svc := sinew.New("shop", local(c))
	c.Clients["inventory"] = sinew.ClientPolicy{Timeout: -1}
	c.Metadata["zone"], c.Tags[0] = "b", "b"
	delete(c.Static, "inventory")
	start(t, svc)
	addr := ""
	err := svc.Client("inventory").Call(t.Context(), endpoint.Operation{}, func(_ context.Context, a string) error {
		addr = a
		return nil
	})
	if err != nil || addr != "http://10.0.0.1:80" {
		t.Errorf("%q %v", addr, err)
	}
	all, _ := c.Registry.Services(t.Context(), "a")
	if len(all) != 1 || all[0].Zone() != "a" {
		t.Errorf("%v", all)
	}
}
