package registry_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
)

var uncallable = []string{
	"gopher://10.0.0.1:70", "ftp://10.0.0.1", "file:///etc/passwd", "file://host/etc", "javascript:alert(1)", "unix:///run/orders.sock",
	"tcp://10.0.0.1:80", "http:10.0.0.1", "//10.0.0.1:80", "10.0.0.1:80", "http://", "http://:80", "https:///path",
	"http://root:secret@10.0.0.1:80", "http://root@10.0.0.1", "http://@10.0.0.1",
	"http://169.254.169.254", "https://169.254.169.254:443/latest", "http://169.254.1.1:80", "http://[fe80::1]:80", "http://[febf::1]",
	"http://[::ffff:169.254.169.254]", "http://[::169.254.169.254]", "http://[::a9fe:a9fe]", "http://[64:ff9b::169.254.169.254]:80",
	"http://[64:ff9b:1::a9fe:a9fe]", "http://[2002:a9fe:a9fe::1]", "http://[2002:e000:1::]", "http://[fd00:ec2::254]", "http://[FD00:0EC2::0254]:80", "http://169.254.169.254.", "http://[fe80::1%25eth0]:80", "http://[2001:db8::1%25eth0]:80",
	"http://2852039166", "http://0xa9fea9fe", "http://0XA9FEA9FE", "http://0251.0376.0251.0376", "http://169.254.43518", "http://169.0xfea9fe",
	"http://１６９.254.169.254", "http://169。254。169。254", "http://orders.xn--p1ai%2e",
	"http://0.0.0.0:80", "http://0.0.0.1", "http://[::]:80", "http://[::ffff:0.0.0.0]:80", "http://0:80",
	"http://224.0.0.1", "http://[ff02::1]:80", "http://255.255.255.255:80",
	"http://10.0.0.1:0", "http://10.0.0.1:65536", "http://10.0.0.1:99999", "http://10.0.0.1:-1", "http://10.0.0.1:http", "http://10.0.0.1:", "http://10.0.0.1:80:80",
	"http://10.0.0.1?x=1", "http://10.0.0.1/?", "http://10.0.0.1#top", "http://10.0.0.1#",
	"http://or ders", "http://orders\n", "http://" + strings.Repeat("a", 254), "http://größe", "http://a,b", "http://.",
}

var selectCallable = []string{
	"http://10.0.0.1:8080", "https://orders.example", "http://orders", "http://orders_v2.internal:1", "http://orders.example.:65535",
	"http://127.0.0.1:80", "http://localhost:80", "http://[::1]:80", "http://[2001:db8::1]:443/base/path/", "HTTP://Orders.Example",
	"http://10.0.0.1:8080/", "http://192.168.0.1", "http://[fd00::1]", "http://[fd00:ec2::255]", "http://[64:ff9b::10.0.0.1]", "http://[2002:a00:1::1]", "http://[::ffff:10.0.0.1]", "http://xn--gre-6ka8h.example", "http://4orders", "http://a.4b", "http://0xorders",
}

func TestOnlyWhatOthersCanCallIsAnEndpoint(t *testing.T) {
	for _, endpoint := range uncallable {
		i := registry.Instance{ID: "orders-1", Name: "orders", Endpoint: endpoint}
		err := i.Validate()
		if !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), "orders-1") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", endpoint, err)
		}
		if err := registry.NewMemory().Register(t.Context(), i); !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("%s: registered: %v", endpoint, err)
		}
	}
	for _, endpoint := range selectCallable {
		if err := (registry.Instance{ID: "orders-1", Name: "orders", Endpoint: endpoint}).Validate(); err != nil {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}

func TestAHealthCheckKeepsTheRulesOfAnEndpointAndMayHaveAQuery(t *testing.T) {
	with := func(check string) error {
		return registry.Instance{ID: "orders-1", Name: "orders", Endpoint: "http://10.0.0.1:80", HealthCheck: check}.Validate()
	}
	for _, check := range []string{"gopher://10.0.0.1/x", "http://root:secret@10.0.0.1/healthz", "http://169.254.169.254/latest", "http://0.0.0.0/healthz", "http://10.0.0.1:99999/healthz"} {
		if err := with(check); !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), "health check") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", check, err)
		}
	}
	for _, check := range []string{"", "http://10.0.0.1:80/healthz", "https://orders.example/healthz?full=1"} {
		if err := with(check); err != nil {
			t.Errorf("%s: %v", check, err)
		}
	}
}

func TestAnIDAndANameAreShortTextWithoutControlCharacters(t *testing.T) {
	for _, bad := range []string{"a\nb", "a\x00", "\x7f", "a\u0085", "\xff", strings.Repeat("x", 256)} {
		for _, i := range []registry.Instance{{ID: bad, Name: "orders"}, {ID: "orders-1", Name: bad}} {
			i.Endpoint = "http://10.0.0.1:80"
			if err := i.Validate(); !errors.Is(err, fault.InvalidArgument) || len(err.Error()) > 500 {
				t.Errorf("%q: %v", bad, err)
			}
		}
	}
	for _, good := range []string{"web//1", "a b", "größe", "../x", "%2F?#", strings.Repeat("x", 255)} {
		if err := (registry.Instance{ID: good, Name: good, Endpoint: "http://10.0.0.1:80"}).Validate(); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}

func TestAnInstanceThatCannotBeCalledIsNotPublished(t *testing.T) {
	resolve(t, registry.ResolverPolicy{}, func(t *testing.T, s *source, r *registry.Resolver) {
		evil := orders("evil")
		evil.Endpoint = "http://169.254.169.254"
		s.give(evil)
		if now := r.Snapshot("orders"); len(now.Instances) != 0 || !now.Known {
			t.Errorf("%+v", now)
		}
		ctx := contextFault(t)
		if err := r.WaitReady(ctx, "orders"); !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "169.254.169.254") {
			t.Errorf("Ready: %v", err)
		}
		s.give(evil, orders("good"))
		if got := ids(r.Snapshot("orders").Instances); len(got) != 1 || got[0] != "good" {
			t.Errorf("%v", got)
		}
		if err := r.WaitReady(ctx, "orders"); err != nil {
			t.Errorf("Ready: %v", err)
		}
	})
}

// contextFault returns a context that has ended.
func contextFault(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
