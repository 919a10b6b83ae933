package sinew_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/idempotency"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/internal/servicetest/api"
	"github.com/sinew-go/sinew/internal/servicetest/stock"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/retry"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

// panicOf returns what New panics with, "" if it does not.
func panicOf(name string, c sinew.Config) (said string) {
	defer func() {
		if p := recover(); p != nil {
			said = fmt.Sprint(p)
		}
	}()
	sinew.New(name, servicetest.Local(c))
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
		"Config.Clients[inventory]: timeout: -1s":           policy(sinew.ClientPolicy{Timeout: -time.Second}),
		"Config.Clients[inventory]: retry: attempts":        policy(sinew.ClientPolicy{Retry: retry.Policy{Attempts: -1}}),
		"Config.Clients[inventory]: breaker: timeout":       policy(sinew.ClientPolicy{Breaker: breaker.Policy{Timeout: -1}}),
		"Config.Clients[inventory]: balance: algorithm":     policy(sinew.ClientPolicy{Balance: loadbalance.Policy{Algorithm: "best"}}),
		"Config.Static[inventory]: no address":              static(),
		`Config.Static[inventory]: "10.0.0.1:80"`:           static("http://10.0.0.1:80", "10.0.0.1:80"),
		`Config.Static[inventory]: "localhost:80"`:          static("localhost:80"),
		`Config.Static[inventory]: "tcp://10.0.0.1:80"`:     static("tcp://10.0.0.1:80"),
		`Config.Static[inventory]: "http://:80"`:            static("http://:80"),
		`Config.Static[inventory]: "http://h:80/?x=1"`:      static("http://h:80/?x=1"),
		`Config.Static[inventory]: "http://h:99999"`:        static("http://h:99999"),
		`Config.Static[inventory]: "http://10.0.0.1:80 "`:   static("http://10.0.0.1:80 "),
		`endpoint "http://[redacted]@10.0.0.1" has a user`:  static("http://root:secret@10.0.0.1"),
		`endpoint "http://169.254.169.254" is link-local`:   static("http://169.254.169.254"),
		`endpoint "http://[::]:80" is an address to listen`: static("http://[::]:80"),
		"Config.Security has no Schemes":                    {Security: &rest.Security{}},
		"Config.Security: Schemes[key]: it has 0 ways":      {Security: &rest.Security{Schemes: map[string]rest.SecurityScheme{"key": {}}}},
	} {
		if said := panicOf("shop", c); !strings.Contains(strings.ReplaceAll(said, "invalid_argument: ", ""), want) || !strings.Contains(said, "sinew.New(shop)") {
			t.Errorf("want %s, got %q", want, said)
		}
	}
	for _, name := range []string{"", "a\nb", strings.Repeat("x", 129)} {
		if said := panicOf(name, sinew.Config{}); !strings.Contains(said, "name") {
			t.Errorf("the name %q: %q", name, said)
		}
	}
	if said := panicOf("shop", static("http://10.0.0.1:80", "https://[::1]:80/base/", "http://host")); said != "" {
		t.Error(said)
	}
}

func TestValidateReportsEveryFaultOfAConfigAtOnceAndPanicsAtNone(t *testing.T) {
	all := sinew.Config{
		Addr: "http://x", Admin: "x", Advertise: "host:0", Listener: (*net.TCPListener)(nil), Registry: (*registry.Memory)(nil), Bus: (*eventbus.Memory)(nil),
		Static: map[string][]string{"order": {"localhost:80"}}, Transport: (*http.Transport)(nil), Tracer: (*tracing.Recorder)(nil),
		Idempotency: (*idempotency.Memory)(nil), Metrics: (*prometheus.Registry)(nil), Limit: limit.Adaptive{Max: -1},
		Clients: map[string]sinew.ClientPolicy{"inventory": {Timeout: -1}}, AdminPages: map[string]http.Handler{"/x": nil, "/y": http.HandlerFunc(nil)},
		Settings: (*config.Value[string])(nil),
	}
	err := all.Validate()
	for _, setting := range []string{
		"Addr", "Admin", "Advertise", "Listener", "Registry", "Bus", "Static[order]", "Transport", "Tracer", "Idempotency", "Metrics", "Limit", "Clients[inventory]", "AdminPages[/x]", "AdminPages[/y]", "Settings",
	} {
		if !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), "Config."+setting) {
			t.Errorf("nothing of Config.%s in %v", setting, err)
		}
	}
	for name, c := range map[string]sinew.Config{
		"zero": {}, "address": {Addr: ":0"}, "a client alone speaks TLS": {TLS: &tls.Config{MinVersion: tls.VersionTLS12}}, "advertised": {Advertise: advertised},
	} {
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (sinew.Config{Addr: ":80", Listener: &net.TCPListener{}}).Validate(); err == nil || !strings.Contains(err.Error(), "Config.Listener") {
		t.Errorf("two places to listen: %v", err)
	}
}

func TestNilPartsArePanicsAtOnce(t *testing.T) {
	for want, c := range map[string]sinew.Config{
		"Config.Tracer is a nil *tracing.Recorder":        {Tracer: (*tracing.Recorder)(nil)},
		"Config.Registry is a nil *registry.Memory":       {Registry: (*registry.Memory)(nil)},
		"Config.Bus is a nil *eventbus.Memory":            {Bus: (*eventbus.Memory)(nil)},
		"Config.Transport is a nil *http.Transport":       {Transport: (*http.Transport)(nil)},
		"Config.Idempotency is a nil *idempotency.Memory": {Idempotency: (*idempotency.Memory)(nil)},
	} {
		if said := panicOf("shop", c); !strings.Contains(said, want) {
			t.Errorf("want %s, got %q", want, said)
		}
	}
	svc := servicetest.New(t, sinew.Config{})
	for want, use := range map[string]func(){
		"GET /x": func() { svc.Handle("GET /x", nil) }, "job": func() { svc.Go(nil) }, "database": func() { svc.AddReadinessCheck("database", nil) }, "Use": func() { svc.Use(nil) },
		"tracer": func() { tracing.Middleware((*tracing.Recorder)(nil), "op", tracing.Internal) },
	} {
		func() {
			defer func() {
				if said := fmt.Sprint(recover()); !strings.Contains(said, want) || !strings.Contains(said, "nil") {
					t.Errorf("want %s, got %q", want, said)
				}
			}()
			use()
		}()
	}
}

func TestStartRefusesWhatCannotWorkNamingTheSetting(t *testing.T) {
	taken := strings.TrimPrefix(servicetest.StartInventory(t, sinew.Config{}).URL(), "http://")
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
		svc := sinew.New("x", servicetest.Local(c))
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

func hasOwnAddress() bool {
	all, _ := net.InterfaceAddrs()
	return slices.ContainsFunc(all, func(a net.Addr) bool {
		ip, _, err := net.ParseCIDR(a.String())
		return err == nil && ip.IsGlobalUnicast()
	})
}

func TestALoopbackAddressIsNotRegisteredWhereOthersReadIt(t *testing.T) {
	for _, advertise := range []string{
		"", "127.0.0.1:80", "127.8.9.1:80", "[::1]:80", "[::ffff:127.0.0.1]:80", "[0:0:0:0:0:0:0:1]:80", "localhost:80", "LocalHost:80", "localhost.:80", "x.localhost:80", "localhost.localdomain:80",
	} {
		svc := sinew.New("x", servicetest.Local(sinew.Config{Registry: servicetest.RemoteRegistry(), Advertise: advertise}))
		err := svc.Start(t.Context())
		if own := hasOwnAddress(); own && (!errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), "Config.Advertise") || !strings.Contains(err.Error(), "this machine alone")) {
			t.Errorf("%q: %v", advertise, err)
		}
		if err := svc.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// An address that nobody could call is found without asking the registry.
func TestAnAddressThatNoRegistryAcceptsCannotBeAdvertised(t *testing.T) {
	for _, advertise := range []string{
		"169.254.169.254:80", "[fe80::1]:80", "[::ffff:169.254.169.254]:80", "[::ffff:0.0.0.0]:80", "224.0.0.1:80", "255.255.255.255:80", "2130706433:80", "0x7f.1:80", "127.1:80", "0177.0.0.1:80",
		"me:secret@host:80", "a b:80", "größe:80", "host/path:80", "host?x:80", "host#x:80", "host\n:80", strings.Repeat("a", 300) + ":80",
	} {
		err := sinew.Config{Advertise: advertise}.Validate()
		if !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), "Config.Advertise") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", advertise, err)
		}
	}
	for _, advertise := range []string{"10.0.0.1:80", "orders.internal:8080", "[2001:db8::1]:80", "orders:65535"} {
		if err := (sinew.Config{Advertise: advertise}).Validate(); err != nil {
			t.Errorf("%q: %v", advertise, err)
		}
	}
}

func TestServiceOnIPv6IsReached(t *testing.T) {
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Addr: "[::1]:0"}))
	api.GetStock.Handle(svc, stock.Get)
	if err := svc.Start(t.Context()); err != nil {
		t.Skip("no IPv6 here:", err)
	}
	defer svc.Shutdown(t.Context())
	if status, _, _ := servicetest.Get(t, svc.URL()+"/inventory/p-1"); status != 200 || !strings.HasPrefix(svc.URL(), "http://[::1]:") {
		t.Errorf("%s: %d", svc.URL(), status)
	}
}

func TestAConfigThatChangesLaterChangesNothing(t *testing.T) {
	c := sinew.Config{
		Clients: map[string]sinew.ClientPolicy{"inventory": {}}, Static: map[string][]string{"inventory": {"http://10.0.0.1:80"}},
		Registry: registry.NewMemory(), Metadata: map[string]string{"zone": "a"}, Tags: []string{"a"},
	}
	svc := sinew.New("shop", servicetest.Local(c))
	c.Clients["inventory"] = sinew.ClientPolicy{Timeout: -1}
	c.Metadata["zone"], c.Tags[0] = "b", "b"
	delete(c.Static, "inventory")
	servicetest.Start(t, svc)
	addr := ""
	err := svc.Client("inventory").Call(t.Context(), call.Operation{}, func(_ context.Context, a string) error {
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
