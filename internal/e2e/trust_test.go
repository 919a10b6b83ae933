package e2e_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

// trustRecorder is a service that sends the record of each call on a channel.
func trustRecorder(t *testing.T, c sinew.Config) (*sinew.Service, <-chan call.Record) {
	svc := sinew.New("inventory", servicetest.Local(c))
	t.Cleanup(func() { _ = svc.Shutdown(context.Background()) })
	got := make(chan call.Record, 1)
	servicetest.Read.Handle(svc, func(ctx context.Context, _ rest.None) (rest.None, error) {
		got <- *call.Of(ctx)
		return rest.None{}, nil
	})
	return svc, got
}

// claimMuch makes r claim a name, a priority, an earlier attempt and a request id.
func claimMuch(r *http.Request) *http.Request {
	r.Header.Set("X-Service-Name", "bank")
	r.Header.Set("X-Request-Priority", "9")
	r.Header.Set("X-Request-Attempt", "2")
	r.Header.Set("X-Request-Id", "r-1")
	return r
}

func TestOnlyCallersWithAVerifiedCertificateAreTrusted(t *testing.T) {
	verified := &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{{Subject: pkix.Name{CommonName: "bank"}}}}}
	other := &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{{Subject: pkix.Name{CommonName: "thief"}}}}}
	unverified := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{}}}
	for name, c := range map[string]struct {
		from     string
		tls      *tls.ConnectionState
		via      string
		trust    func(*http.Request) bool
		believed bool
		name     string
	}{
		"a stranger":                             {from: "192.0.2.77:5"},
		"a stranger over TLS":                    {from: "192.0.2.77:5", tls: &tls.ConnectionState{}},
		"a certificate that nobody verified":     {from: "192.0.2.77:5", tls: unverified},
		"a verified certificate":                 {from: "192.0.2.77:5", tls: verified, believed: true},
		"a verified certificate by a proxy":      {from: "192.0.2.77:5", tls: verified, via: "1.1 proxy", believed: true},
		"a certificate of another name":          {from: "192.0.2.77:5", tls: other, believed: true, name: "thief"},
		"loopback":                               {from: "127.0.0.1:5"},
		"loopback of IPv6":                       {from: "[::1]:5"},
		"loopback that Config.Trust trusts":      {from: "127.0.0.1:5", trust: rest.SameMachine, believed: true},
		"a proxy on this machine":                {from: "127.0.0.1:5", via: "1.1 proxy", trust: rest.SameMachine},
		"an address that is none":                {from: "@"},
		"a stranger whom Config.Trust trusts":    {from: "192.0.2.77:5", trust: func(*http.Request) bool { return true }, believed: true},
		"loopback that Config.Trust distrusts":   {from: "127.0.0.1:5", trust: func(*http.Request) bool { return false }},
		"a certificate that it does not believe": {from: "192.0.2.77:5", tls: verified, trust: func(*http.Request) bool { return false }},
	} {
		svc, got := trustRecorder(t, sinew.Config{Trust: c.trust})
		r := claimMuch(httptest.NewRequestWithContext(t.Context(), "GET", "/look", nil))
		r.RemoteAddr, r.TLS = c.from, c.tls
		if c.via != "" {
			r.Header.Set("Via", c.via)
		}
		w := httptest.NewRecorder()
		svc.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusNoContent {
			t.Fatalf("%s: %d", name, w.Code)
		}
		call := <-got
		if c.name == "" {
			c.name = "bank"
		}
		if believed := call.From == c.name && call.Priority == 9 && call.Repeated; believed != c.believed {
			t.Errorf("%s: %+v", name, call)
		}
		if ignored := call.From == "" && call.Priority == 0 && !call.Repeated; ignored == c.believed {
			t.Errorf("%s is believed by halves: %+v", name, call)
		}
		if call.RequestID != "r-1" {
			t.Errorf("%s: the request's id is %q", name, call.RequestID)
		}
	}
}

// newAuthority returns a certificate for 127.0.0.1 and the pool that verifies it.
func newAuthority(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sinew test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: cert}, pool
}

func TestAClientCertificateIsTrustedOverTheWire(t *testing.T) {
	cert, pool := newAuthority(t)
	svc, got := trustRecorder(t, sinew.Config{TLS: &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}, ClientCAs: pool, ClientAuth: tls.VerifyClientCertIfGiven,
	}})
	servicetest.Start(t, svc)
	for name, certs := range map[string][]tls.Certificate{"with": {cert}, "without": nil} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: pool, Certificates: certs}}
		r, err := http.NewRequestWithContext(t.Context(), "GET", svc.URL()+"/look", nil)
		if err != nil {
			t.Fatal(err)
		}
		claimMuch(r)
		answer, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		transport.CloseIdleConnections()
		if call := <-got; answer.StatusCode != 204 || (call.From == "sinew test" && call.Priority == 9 && call.Repeated) != (certs != nil) {
			t.Errorf("%s a certificate: %d, %+v", name, answer.StatusCode, call)
		}
	}
}

// An authority that nobody chose vouches for nobody.
func TestCallersAreNotVerifiedAgainstPublicAuthorities(t *testing.T) {
	cert, pool := newAuthority(t)
	for name, tt := range map[string]struct {
		auth    tls.ClientAuthType
		pool    *x509.CertPool
		refused bool
	}{
		"if given": {tls.VerifyClientCertIfGiven, nil, true}, "always": {tls.RequireAndVerifyClientCert, nil, true},
		"by our own": {tls.RequireAndVerifyClientCert, pool, false}, "unverified": {tls.RequestClientCert, nil, false},
	} {
		c := sinew.Config{Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler), TLS: &tls.Config{
			MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}, ClientAuth: tt.auth, ClientCAs: tt.pool,
		}}
		s := sinew.New("cart", c)
		started := s.Start(t.Context())
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		for _, err := range []error{c.Validate(), started} {
			if (err != nil) != tt.refused || err != nil && !strings.Contains(err.Error(), "ClientCAs") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestAnUntrustedDeadlineCanOnlyShorten(t *testing.T) {
	svc, got := trustRecorder(t, sinew.Config{})
	for text, bounded := range map[string]bool{"1m": true, "1000h": true, "": false, "soon": false} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		r := httptest.NewRequestWithContext(ctx, "GET", "/look", nil)
		r.RemoteAddr = "192.0.2.77:5"
		r.Header.Set("X-Request-Timeout", text)
		svc.Handler().ServeHTTP(httptest.NewRecorder(), r)
		call := <-got
		ours, _ := ctx.Deadline()
		cancel()
		if call.Deadline.After(ours) || bounded && call.Deadline.IsZero() || text == "1m" && !call.Deadline.Before(ours) {
			t.Errorf("%q: the deadline is %s, ours %s", text, call.Deadline, ours)
		}
	}
}

func TestAnUntrustedServiceIsLoggedOnce(t *testing.T) {
	for name, trust := range map[string]func(*http.Request) bool{"trusted": rest.SameMachine, "not trusted": nil} {
		var log bytes.Buffer
		svc := servicetest.New(t, sinew.Config{Trust: trust, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		for range 3 {
			r := claimMuch(httptest.NewRequestWithContext(t.Context(), "GET", "/healthz", nil))
			r.RemoteAddr = "127.0.0.1:5"
			svc.Handler().ServeHTTP(httptest.NewRecorder(), r)
		}
		said := strings.Count(log.String(), "Config.Trust")
		if want := map[string]int{"not trusted": 1}[name]; said != want || said > 0 && !strings.Contains(log.String(), "caller=bank") {
			t.Errorf("%s: %s", name, &log)
		}
	}
}

func TestAnUntrustedSampledFlagForcesNoSpans(t *testing.T) {
	for name, header := range map[string][2]string{
		"W3C": {"Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		"B3":  {"B3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-d"},
	} {
		for _, trusted := range []bool{true, false} {
			var in tracing.SpanContext
			svc := servicetest.New(t, sinew.Config{Trust: func(*http.Request) bool { return trusted }})
			svc.Handle("GET /trace", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { in = tracing.SpanContextOf(r.Context()) }))
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/trace", nil)
			r.Header.Set(header[0], header[1])
			svc.Handler().ServeHTTP(httptest.NewRecorder(), r)
			if in.TraceID.String() != "4bf92f3577b34da6a3ce929d0e0e4736" || in.Sampled != trusted || in.Undecided == trusted {
				t.Errorf("%s, trusted %v: %+v", name, trusted, in)
			}
		}
	}
}

// proxies are kinds of proxies in front of a service on its own machine, each with its
// minimal configuration.
func proxies(t *testing.T, to string) map[string]string {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for name, p := range map[string]http.Handler{
		"Rewrite, the target's host":   &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }},
		"Rewrite, the stranger's host": &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host }},
		"as nginx does": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			out := r.Clone(r.Context())
			out.URL.Scheme, out.URL.Host, out.Host, out.RequestURI, out.Close = target.Scheme, target.Host, target.Host, "", true
			answer, err := http.DefaultTransport.RoundTrip(out)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = answer.Body.Close() }()
			w.WriteHeader(answer.StatusCode)
			_, _ = io.Copy(w, answer.Body)
		}),
	} {
		server := httptest.NewServer(p)
		t.Cleanup(server.Close)
		all[name] = server.URL
	}
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	return all
}

func TestNobodyIsTrustedThroughAProxyOnTheSameMachine(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", ":0", "localhost:0"} {
		svc, got := trustRecorder(t, sinew.Config{Addr: addr})
		servicetest.Start(t, svc)
		for name, at := range proxies(t, svc.URL()) {
			if status, _, body := servicetest.Get(t, at+"/metrics"); status != 403 || strings.Contains(body, "sinew_") {
				t.Errorf("at %s, %s: /metrics: %d %s", addr, name, status, body)
			}
			r, err := http.NewRequestWithContext(t.Context(), "GET", at+"/look", nil)
			if err != nil {
				t.Fatal(err)
			}
			claimMuch(r).Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if call := <-got; call.From != "" || call.Priority != 0 || call.Repeated {
				t.Errorf("at %s, %s: %+v", addr, name, call)
			}
		}
	}
}
