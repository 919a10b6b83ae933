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
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

// trustRecorder is a service that sends the record of each call on a channel.
func trustRecorder(t *testing.T, c sinew.Config) (*sinew.Service, <-chan call.Record) {
	svc := sinew.New("inventory", servicetest.Local(c))
	t.Cleanup(func() { _ = svc.Shutdown(context.Background()) })
	got := make(chan call.Record, 1)
	servicetest.Read.Handle(svc, func(ctx context.Context, _ endpoint.None) (endpoint.None, error) {
		got <- *call.Of(ctx)
		return endpoint.None{}, nil
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
	for _, c := range []struct {
		caller   string
		from     string
		tls      *tls.ConnectionState
		via      string
		trust    func(*http.Request) bool
		believed bool
		name     string
	}{
		{caller: "a stranger", from: "192.0.2.77:5"},
		{caller: "a stranger over TLS", from: "192.0.2.77:5", tls: &tls.ConnectionState{}},
		{caller: "a certificate that nobody verified", from: "192.0.2.77:5", tls: unverified},
		{caller: "a verified certificate", from: "192.0.2.77:5", tls: verified, believed: true},
		{caller: "a verified certificate by a proxy", from: "192.0.2.77:5", tls: verified, via: "1.1 proxy", believed: true},
		{caller: "a certificate of another name", from: "192.0.2.77:5", tls: other, believed: true, name: "thief"},
		{caller: "loopback", from: "127.0.0.1:5"},
		{caller: "loopback of IPv6", from: "[::1]:5"},
		{caller: "loopback that Config.Trust trusts", from: "127.0.0.1:5", trust: rest.SameMachine, believed: true},
		{caller: "a proxy on this machine", from: "127.0.0.1:5", via: "1.1 proxy", trust: rest.SameMachine},
		{caller: "an address that is none", from: "@"},
		{caller: "a stranger whom Config.Trust trusts", from: "192.0.2.77:5", trust: func(*http.Request) bool { return true }, believed: true},
		{caller: "loopback that Config.Trust distrusts", from: "127.0.0.1:5", trust: func(*http.Request) bool { return false }},
		{caller: "a certificate that it does not believe", from: "192.0.2.77:5", tls: verified, trust: func(*http.Request) bool { return false }},
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
			t.Fatalf("%s: %d", c.caller, w.Code)
		}
		call := <-got
		if c.name == "" {
			c.name = "bank"
		}
		if believed := call.From == c.name && call.Priority == 9 && call.Repeated; believed != c.believed {
			t.Errorf("%s: %+v", c.caller, call)
		}
		if ignored := call.From == "" && call.Priority == 0 && !call.Repeated; ignored == c.believed {
			t.Errorf("%s is believed by halves: %+v", c.caller, call)
		}
		if call.RequestID != "r-1" {
			t.Errorf("%s: the request's id is %q", c.caller, call.RequestID)
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
	for _, c := range []struct {
		name  string
		certs []tls.Certificate
	}{
		{name: "with", certs: []tls.Certificate{cert}},
		{name: "without", certs: nil},
	} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: pool, Certificates: c.certs}}
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
		if call := <-got; answer.StatusCode != 204 || (call.From == "sinew test" && call.Priority == 9 && call.Repeated) != (c.certs != nil) {
			t.Errorf("%s a certificate: %d, %+v", c.name, answer.StatusCode, call)
		}
	}
}

// An authority that nobody chose vouches for nobody.
func TestCallersAreNotVerifiedAgainstPublicAuthorities(t *testing.T) {
	cert, pool := newAuthority(t)
	for _, tt := range []struct {
		name    string
		auth    tls.ClientAuthType
		pool    *x509.CertPool
		refused bool
	}{
		{name: "if given", auth: tls.VerifyClientCertIfGiven, pool: nil, refused: true},
		{name: "always", auth: tls.RequireAndVerifyClientCert, pool: nil, refused: true},
		{name: "by our own", auth: tls.RequireAndVerifyClientCert, pool: pool, refused: false},
		{name: "unverified", auth: tls.RequestClientCert, pool: nil, refused: false},
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
				t.Errorf("%s: %v", tt.name, err)
			}
		}
	}
}

func TestAnUntrustedDeadlineCanOnlyShorten(t *testing.T) {
	svc, got := trustRecorder(t, sinew.Config{})
	for _, c := range []struct {
		text    string
		bounded bool
	}{
		{text: "1m", bounded: true},
		{text: "1000h", bounded: true},
		{text: "", bounded: false},
		{text: "soon", bounded: false},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		r := httptest.NewRequestWithContext(ctx, "GET", "/look", nil)
		r.RemoteAddr = "192.0.2.77:5"
		r.Header.Set("X-Request-Timeout", c.text)
		svc.Handler().ServeHTTP(httptest.NewRecorder(), r)
		call := <-got
		ours, _ := ctx.Deadline()
		cancel()
		if call.Deadline.After(ours) || c.bounded && call.Deadline.IsZero() || c.text == "1m" && !call.Deadline.Before(ours) {
			t.Errorf("%q: the deadline is %s, ours %s", c.text, call.Deadline, ours)
		}
	}
}

func TestAnUntrustedServiceIsLoggedOnce(t *testing.T) {
	for _, c := range []struct {
		name  string
		trust func(*http.Request) bool
	}{
		{name: "trusted", trust: rest.SameMachine},
		{name: "not trusted", trust: nil},
	} {
		var log bytes.Buffer
		svc := servicetest.New(t, sinew.Config{Trust: c.trust, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		for range 3 {
			r := claimMuch(httptest.NewRequestWithContext(t.Context(), "GET", "/healthz", nil))
			r.RemoteAddr = "127.0.0.1:5"
			svc.Handler().ServeHTTP(httptest.NewRecorder(), r)
		}
		said := strings.Count(log.String(), "Config.Trust")
		if want := map[string]int{"not trusted": 1}[c.name]; said != want || said > 0 && !strings.Contains(log.String(), "caller=bank") {
			t.Errorf("%s: %s", c.name, &log)
		}
	}
}

func TestAnUntrustedSampledFlagForcesNoSpans(t *testing.T) {
	for _, c := range []struct {
		name   string
		header [2]string
	}{
		{name: "W3C", header: [2]string{"Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}},
		{name: "B3", header: [2]string{"B3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-d"}},
	} {
		for _, trusted := range []bool{true, false} {
			var in tracing.SpanContext
			svc := servicetest.New(t, sinew.Config{Trust: func(*http.Request) bool { return trusted }})
			svc.Handle("GET /trace", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { in = tracing.SpanContextOf(r.Context()) }))
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/trace", nil)
			r.Header.Set(c.header[0], c.header[1])
			svc.Handler().ServeHTTP(httptest.NewRecorder(), r)
			if in.TraceID.String() != "4bf92f3577b34da6a3ce929d0e0e4736" || in.Sampled != trusted || in.Undecided == trusted {
				t.Errorf("%s, trusted %v: %+v", c.name, trusted, in)
			}
		}
	}
}
