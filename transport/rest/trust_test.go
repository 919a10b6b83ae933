package rest_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// sentFrom returns a request from an address to 10.0.0.1.
func sentFrom(remote string, header ...string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 80}))
	r.RemoteAddr = remote
	for _, name := range header {
		r.Header.Set(name, "")
	}
	return r
}

// byProxies are headers that proxies add.
var byProxies = []string{
	"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Server", "Via", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP",
	"X-Cluster-Client-IP", "Fastly-Client-IP", "X-Original-Forwarded-For", "X_Forwarded_For", "Client-IP", "X-Azure-ClientIP", "X-Appengine-User-IP", "Fly-Client-IP",
	"X-Originating-IP", "X-Remote-Addr", "CDN-Loop", "X-Original-URL", "X-Envoy-Attempt-Count",
}

func TestARequestThatCameThroughAProxyIsNotFromThisMachine(t *testing.T) {
	for _, c := range []struct {
		remote string
		want   bool
	}{
		{remote: "127.0.0.1:5", want: true},
		{remote: "[::1]:5", want: true},
		{remote: "[::ffff:127.0.0.1]:5", want: true},
		{remote: "10.0.0.1:5", want: true},
		{remote: "[::ffff:10.0.0.1]:5", want: true},
		{remote: "10.0.0.2:5", want: false},
		{remote: "@", want: false},
		{remote: "", want: false},
		{remote: "127.0.0.1", want: false},
	} {
		if got := rest.SameMachine(sentFrom(c.remote)); got != c.want {
			t.Errorf("%s: %v", c.remote, got)
		}
		for _, name := range byProxies {
			if rest.SameMachine(sentFrom(c.remote, name)) {
				t.Errorf("%s with %s: taken for this machine", c.remote, name)
			}
		}
	}
}

func TestNetworksTrustRequestsSentFromThem(t *testing.T) {
	ours := rest.Networks(netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("::ffff:192.168.0.0/112"))
	for _, c := range []struct {
		remote string
		want   bool
	}{
		{remote: "10.1.2.3:5", want: true},
		{remote: "[::ffff:10.1.2.3]:5", want: true},
		{remote: "[fd00::1]:5", want: true},
		{remote: "[fd00::1%eth0]:5", want: true},
		{remote: "192.168.0.9:5", want: true},
		{remote: "10.2.0.1:5", want: false},
		{remote: "127.0.0.1:5", want: false},
		{remote: "[fe80::1]:5", want: false},
		{remote: "192.168.0.9", want: false},
		{remote: "@", want: false},
		{remote: "", want: false},
	} {
		if got := ours(sentFrom(c.remote)); got != c.want {
			t.Errorf("%s: %v", c.remote, got)
		}
		if rest.Networks()(sentFrom(c.remote)) {
			t.Errorf("%s is trusted by no network", c.remote)
		}
		for _, name := range byProxies {
			if ours(sentFrom(c.remote, name)) {
				t.Errorf("%s with %s: trusted", c.remote, name)
			}
		}
	}
}

func TestACallersNameIsThatInItsCertificate(t *testing.T) {
	spiffe := &url.URL{Scheme: "spiffe", Host: "shop.example", Path: "/ns/prod/sa/cart"}
	for _, tt := range []struct {
		want string
		c    *x509.Certificate
	}{
		{want: "payment", c: &x509.Certificate{Subject: pkix.Name{CommonName: "payment"}, DNSNames: []string{"bank"}}},
		{want: "cart.prod", c: &x509.Certificate{DNSNames: []string{"cart.prod", "bank"}}},
		{want: "spiffe://shop.example/ns/prod/sa/cart", c: &x509.Certificate{URIs: []*url.URL{spiffe}}},
		{want: "ann@shop.example", c: &x509.Certificate{Subject: pkix.Name{CommonName: "é"}, EmailAddresses: []string{"ann@shop.example"}}},
		{want: "bank", c: &x509.Certificate{}},
	} {
		r := sentFrom("192.0.2.77:5")
		r.Header.Set("X-Service-Name", "bank")
		r.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{tt.c}}}
		got := "nobody asked"
		rest.ReadMetadata(rest.Verified)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got = call.Of(r.Context()).From
		})).ServeHTTP(httptest.NewRecorder(), r)
		if got != tt.want {
			t.Errorf("%q: %q", tt.want, got)
		}
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{tt.c}}
		if rest.Verified(r) || rest.Verified(sentFrom("127.0.0.1:5")) {
			t.Errorf("%q: nobody verified it", tt.want)
		}
	}
}

// A deadline that a stranger set blames nobody, here and at whom the handler calls,
// on whatever way it gets there.
func TestAnUntrustedDeadlineBlamesNobodyOnAnyHop(t *testing.T) {
	everybody := func(*http.Request) bool { return true }
	type said struct{ foreign, left bool } // whether it is the stranger's, and whether the caller left before it
	last, middle := make(chan said, 9), make(chan said, 9)
	var entered atomic.Int64
	route := rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /x"}
	backend := http.NewServeMux()
	note := func(ctx context.Context) said {
		limited, cancel := context.WithCancel(ctx)
		defer cancel()
		<-limited.Done()
		foreign := fault.Judge(limited, fault.DeadlineExceeded) == fault.Abandoned
		return said{foreign, errors.Is(limited.Err(), context.Canceled)}
	}
	route.Handle(backend, func(ctx context.Context, _ endpoint.None) (endpoint.None, error) {
		entered.Add(1)
		last <- note(ctx)
		return endpoint.None{}, ctx.Err()
	})
	caller, _ := serve(t, rest.ReadMetadata(everybody)(backend))
	for _, c := range []struct {
		name    string
		trusted func(*http.Request) bool
	}{
		{name: "a stranger's", trusted: nil},
		{name: "ours", trusted: everybody},
	} {
		for _, tt := range []struct {
			how      string
			register func(*http.ServeMux)
		}{
			{how: "handled", register: func(mux *http.ServeMux) {
				ask := route.Endpoint(caller)
				route.Handle(mux, func(ctx context.Context, _ endpoint.None) (endpoint.None, error) {
					_, err := ask(ctx, endpoint.None{})
					middle <- note(ctx)
					return endpoint.None{}, err
				})
			}},
			{how: "forwarded", register: func(mux *http.ServeMux) { route.Forward(mux, caller) }},
		} {
			mux := http.NewServeMux()
			tt.register(mux)
			code, at := 0, said{left: true}
			for timeout := 60 * time.Millisecond; at.left; timeout *= 2 { // a busy machine may take longer to get there
				for len(middle) > 0 {
					<-middle
				}
				entered.Store(0)
				code = ask(rest.ReadMetadata(c.trusted)(mux), "GET", "/x", "", "", "X-Request-Timeout", timeout.String()).Code
				if entered.Load() > 0 {
					at = <-last
				}
			}
			foreign := c.trusted == nil
			if at.foreign != foreign {
				t.Errorf("%s, %s: %d, at the last %v", c.name, tt.how, code, at.foreign)
			}
			if tt.how != "handled" {
				continue
			}
			if at := <-middle; at.foreign != foreign {
				t.Errorf("%s, %s: %d, between %v", c.name, tt.how, code, at.foreign)
			}
		}
	}
}

func TestAFailureLongBeforeAnUntrustedDeadlineIsAFailure(t *testing.T) {
	judged := fault.Success
	h := rest.ReadMetadata(nil)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		judged = fault.Judge(r.Context(), fault.DeadlineExceeded.Errorf("the database did not answer")).Outcome()
	}))
	ask(h, "GET", "/x", "", "", "X-Request-Timeout", (time.Hour).String())
	if judged != fault.Failure {
		t.Errorf("%s", judged)
	}
}
