package sinew_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/transport/rest"
)

// believing is a service that tells what it believes of its callers.
func believing(t *testing.T, c sinew.Config) (*sinew.Service, <-chan endpoint.Call) {
	svc := sinew.New("inventory", local(c))
	t.Cleanup(func() { _ = svc.Shutdown(context.Background()) })
	got := make(chan endpoint.Call, 1)
	look.Handle(svc, func(ctx context.Context, _ rest.None) (rest.None, error) {
		got <- *endpoint.CallOf(ctx)
		return rest.None{}, nil
	})
	return svc, got
}

// boast is a request that says much of itself.
func boast(r *http.Request) *http.Request {
	r.Header.Set("X-Service-Name", "bank")
	r.Header.Set("X-Request-Priority", "9")
	r.Header.Set("X-Request-Attempt", "2")
	r.Header.Set("X-Request-Id", "r-1")
	return r
}

func TestOnlyCallersOnThisMachineOrWithAVerifiedCertificateAreBelieved(t *testing.T) {
	verified := &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{{}}}}
	unverified := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{}}}
	for name, c := range map[string]struct {
		from     string
		tls      *tls.ConnectionState
		via      string
		trust    func(*http.Request) bool
		believed bool
	}{
		"a stranger":                             {from: "192.0.2.77:5"},
		"a stranger over TLS":                    {from: "192.0.2.77:5", tls: &tls.ConnectionState{}},
		"a certificate that nobody verified":     {from: "192.0.2.77:5", tls: unverified},
		"a verified certificate":                 {from: "192.0.2.77:5", tls: verified, believed: true},
		"loopback":                               {from: "127.0.0.1:5", believed: true},
		"loopback of IPv6":                       {from: "[::1]:5", believed: true},
		"a proxy on this machine":                {from: "127.0.0.1:5", via: "1.1 proxy"},
		"an address that is none":                {from: "@"},
		"a stranger whom Config.Trust trusts":    {from: "192.0.2.77:5", trust: func(*http.Request) bool { return true }, believed: true},
		"loopback that Config.Trust distrusts":   {from: "127.0.0.1:5", trust: func(*http.Request) bool { return false }},
		"a certificate that it does not believe": {from: "192.0.2.77:5", tls: verified, trust: func(*http.Request) bool { return false }},
	} {
		svc, got := believing(t, sinew.Config{Trust: c.trust})
		r := boast(httptest.NewRequestWithContext(t.Context(), "GET", "/look", nil))
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
		if believed := call.From == "bank" && call.Priority == 9 && call.Repeated; believed != c.believed {
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

// authority is a certificate for 127.0.0.1 and the pool that verifies it.
func authority(t *testing.T) (tls.Certificate, *x509.CertPool) {
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

// The Via of a proxy takes the trust of loopback away, so that the certificate
// alone decides.
func TestAClientCertificateIsBelievedOverTheWire(t *testing.T) {
	cert, pool := authority(t)
	svc, got := believing(t, sinew.Config{TLS: &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}, ClientCAs: pool, ClientAuth: tls.VerifyClientCertIfGiven,
	}})
	start(t, svc)
	for name, certs := range map[string][]tls.Certificate{"with": {cert}, "without": nil} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: pool, Certificates: certs}}
		r, err := http.NewRequestWithContext(t.Context(), "GET", svc.URL()+"/look", nil)
		if err != nil {
			t.Fatal(err)
		}
		boast(r).Header.Set("Via", "1.1 proxy")
		answer, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		transport.CloseIdleConnections()
		if call := <-got; answer.StatusCode != 204 || (call.From == "bank" && call.Priority == 9 && call.Repeated) != (certs != nil) {
			t.Errorf("%s a certificate: %d, %+v", name, answer.StatusCode, call)
		}
	}
}

func TestADeadlineOfAStrangerCanOnlyShorten(t *testing.T) {
	svc, got := believing(t, sinew.Config{})
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
