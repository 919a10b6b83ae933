package rest_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/idempotency"
	"github.com/sinew-go/sinew/transport/rest"
)

// malformed are unusable keys.
var malformed = []string{strings.Repeat("k", 129), "schlüssel", "a\tb"}

// charging returns a mux with a keyed and an unkeyed route, which count their charges.
func charging(charged *atomic.Int64) (mux *http.ServeMux, keyed, unkeyed rest.Route[*ReserveRequest, *Stock]) {
	mux = http.NewServeMux()
	charge := func(context.Context, *ReserveRequest) (*Stock, error) { charged.Add(1); return &Stock{}, nil }
	keyed = rest.Route[*ReserveRequest, *Stock]{Pattern: "POST /keyed/{product_id}", Keyed: true}
	unkeyed = rest.Route[*ReserveRequest, *Stock]{Pattern: "POST /unkeyed/{product_id}"}
	keyed.Handle(mux, charge)
	unkeyed.Handle(mux, charge)
	return mux, keyed, unkeyed
}

// waysTo are the ways to reach what charging serves.
func waysTo(t *testing.T, charged *atomic.Int64) map[string]http.Handler {
	t.Helper()
	backend, keyed, unkeyed := charging(charged)
	caller, _ := serve(t, backend)
	gateway := http.NewServeMux()
	keyed.Forward(gateway, caller)
	unkeyed.Forward(gateway, caller)
	return map[string]http.Handler{"handler": backend, "behind Accept": rest.ReadMetadata(nil)(backend), "gateway": gateway}
}

func TestAnUnusableKeyIsRefusedOnAKeyedRoute(t *testing.T) {
	var charged atomic.Int64
	ways := waysTo(t, &charged)
	for _, key := range malformed {
		for name, h := range ways {
			charged.Store(0)
			w := ask(h, "POST", "/keyed/p", "application/json", `{"quantity":1}`, "Idempotency-Key", key)
			if p := problemOf(t, w); p.Status != 400 || !strings.Contains(p.Detail, "128") || charged.Load() != 0 {
				t.Errorf("%s: %q gave %+v, charged %d times", name, key, p, charged.Load())
			}
			if w := ask(h, "POST", "/unkeyed/p", "application/json", `{"quantity":1}`, "Idempotency-Key", key); w.Code != 200 || charged.Load() != 1 {
				t.Errorf("%s: %q on a route without keys gave %d, charged %d times", name, key, w.Code, charged.Load())
			}
		}
	}
}

func TestADuplicateOrEmptyKeyIsRefused(t *testing.T) {
	var charged atomic.Int64
	ways := waysTo(t, &charged)
	for _, keys := range [][]string{{""}, {" "}, {"", "k"}, {"k", ""}, {"k", "l"}, {"k", "k"}} {
		for name, h := range ways {
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/keyed/p", strings.NewReader(`{"quantity":1}`))
			r.Header["Content-Type"], r.Header["Idempotency-Key"] = []string{"application/json"}, keys
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != 400 || charged.Load() != 0 {
				t.Errorf("%s: %q gave %d, charged %d times", name, keys, w.Code, charged.Load())
			}
		}
	}
	for _, key := range []string{"k", " k\t"} { // HTTP/2 does not trim the blanks
		if w := ask(ways["handler"], "POST", "/keyed/p", "application/json", `{"quantity":1}`, "Idempotency-Key", key); w.Code != 200 || charged.Load() != 1 {
			t.Errorf("%q gave %d, charged %d times", key, w.Code, charged.Load())
		}
	}
}

func TestAKeyMadeByHandThatCannotTravelIsRefusedBeforeItIsSent(t *testing.T) {
	var charged atomic.Int64
	backend, keyed, unkeyed := charging(&charged)
	caller, _ := serve(t, backend)
	for _, key := range append(malformed, "a\nb") {
		charged.Store(0)
		ctx := call.With(t.Context(), call.Record{IdempotencyKey: key})
		_, err := keyed.Endpoint(caller)(ctx, &ReserveRequest{ProductID: "p", Quantity: 1})
		if !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), "128") || charged.Load() != 0 {
			t.Errorf("%q: %v, charged %d times", key, err, charged.Load())
		}
		if _, err := unkeyed.Endpoint(caller)(ctx, &ReserveRequest{ProductID: "p", Quantity: 1}); err != nil {
			t.Errorf("%q on a route without keys: %v", key, err)
		}
	}
}

func TestARequestThatDiffersInABoundHeaderIsAnother(t *testing.T) {
	type request struct {
		Tenant string  `header:"X-Tenant" json:"-"`
		Unit   *string `header:"X-Unit" json:"-"`
	}
	mux := http.NewServeMux()
	rest.Route[*request, endpoint.None]{Pattern: "POST /x", Keyed: true}.Handle(mux, func(context.Context, *request) (endpoint.None, error) { return endpoint.None{}, nil })
	send := func(header ...string) int {
		return ask(mux, "POST", "/x", "", "", append(header, "Idempotency-Key", "k")...).Code
	}
	for _, tt := range []struct {
		header []string
		want   int
	}{
		{[]string{"X-Tenant", "a"}, 204},
		{[]string{"X-Tenant", "a", "X-Other", "b"}, 204},
		{[]string{"X-Tenant", "b"}, 422},
		{[]string{"X-Tenant", "a", "X-Unit", ""}, 422},
		{nil, 422},
	} {
		if got := send(tt.header...); got != tt.want {
			t.Errorf("%q: %d, want %d", tt.header, got, tt.want)
		}
	}
}

func TestARequestThatDiffersInItsPathOrQueryIsAnother(t *testing.T) {
	type request struct {
		ID   string `path:"id" json:"-"`
		Unit string `query:"unit" json:"-"`
		N    int    `json:"n"`
	}
	mux := http.NewServeMux()
	acted := 0
	rest.Route[*request, endpoint.None]{Pattern: "POST /x/{id}", Keyed: true}.Handle(mux, func(context.Context, *request) (endpoint.None, error) {
		acted++
		return endpoint.None{}, nil
	})
	for _, tt := range []struct {
		target string
		want   int
	}{{"/x/1?unit=kg?", 204}, {"/x/1?unit=kg?", 204}, {"/x/2?unit=kg?", 422}, {"/x/1?unit=g", 422}, {"/x/1", 422}, {"/x/1%3Funit=kg", 422}} {
		w := ask(mux, "POST", tt.target, "application/json", `{"n":1}`, "Idempotency-Key", "k")
		if w.Code != tt.want || tt.want == 422 && problemOf(t, w).Reason != "key_reused" || acted != 1 {
			t.Errorf("%s: %d %s, acted %d times", tt.target, w.Code, w.Body, acted)
		}
	}
}

// tokenMux is a mux that identifies its callers by their token.
type tokenMux struct{ *http.ServeMux }

func (tokenMux) Subject(r *http.Request) string {
	subject, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), ".")
	return subject
}

func TestKeysOfSubjectsAreSeparateAndSurviveARenewedToken(t *testing.T) {
	acted := 0
	mux := tokenMux{http.NewServeMux()}
	rest.Route[*ReserveRequest, *Stock]{Pattern: "POST /r/{product_id}", Keyed: true}.Handle(mux, func(ctx context.Context, _ *ReserveRequest) (*Stock, error) {
		acted++
		return &Stock{Available: acted}, nil
	})
	for _, tt := range []struct {
		token string
		run   int
	}{{"ann.1", 1}, {"bob.1", 2}, {"ann.2", 1}, {"bob.2", 2}, {"", 3}, {"", 3}} {
		w := ask(mux, "POST", "/r/p", "application/json", `{"quantity":1}`, "Idempotency-Key", "k", "Authorization", "Bearer "+tt.token, "Cookie", "seen="+tt.token, "X-Service-Name", tt.token)
		if w.Code != 200 || !strings.Contains(w.Body.String(), fmt.Sprintf(`:%d`, tt.run)) {
			t.Errorf("%q got %d %s, want the answer of run %d", tt.token, w.Code, w.Body, tt.run)
		}
	}
}

func TestAKeyOfUnknownCallersNeitherRunsTwiceNorAnswersAnother(t *testing.T) {
	for name, tt := range map[string]struct {
		first, then []string
		replayed    bool
	}{
		"the same":                  {[]string{"Authorization", "ann"}, []string{"Authorization", "ann"}, true},
		"another name":              {[]string{"X-Service-Name", "web"}, []string{"X-Service-Name", "app"}, true},
		"another trace and agent":   {[]string{"Traceparent", "a", "User-Agent", "a", "X-Forwarded-For", "1"}, []string{"User-Agent", "b", "X-Csrf-Token", "b"}, true},
		"reordered cookies":         {[]string{"Cookie", "a=1; b=2"}, []string{"Cookie", "b=2; a=1"}, true},
		"a renewed token":           {[]string{"Authorization", "Bearer 1"}, []string{"Authorization", "Bearer 2"}, false},
		"another cookie":            {[]string{"Cookie", "session=ann"}, []string{"Cookie", "session=bob"}, false},
		"another API key":           {[]string{"X-Api-Key", "ann"}, []string{"X-Api-Key", "bob"}, false},
		"an API key instead":        {[]string{"Authorization", "ann"}, []string{"X-Api-Key", "bob"}, false},
		"a token of its own name":   {[]string{"X-Auth-Token", "ann"}, []string{"X-Auth-Token", "bob"}, false},
		"another tenant":            {[]string{"X-Tenant-Id", "ann"}, []string{"X-Tenant-Id", "bob"}, false},
		"another client":            {[]string{"X-Client-Id", "ann"}, []string{"X-Client-Id", "bob"}, false},
		"another shop":              {[]string{"X-Shop", "ann"}, []string{"X-Shop", "bob"}, false},
		"another host of the proxy": {[]string{"X-Forwarded-Host", "ann.shop.example"}, []string{"X-Forwarded-Host", "bob.shop.example"}, false},
		"another device":            {[]string{"X-Device-Id", "ann"}, []string{"X-Device-Id", "bob"}, false},
		"what a balancer verified":  {[]string{"X-Amzn-Mtls-Clientcert", "ann"}, []string{"X-Amzn-Mtls-Clientcert", "bob"}, false},
		"another address":           {[]string{"X-Client-Ip", "10.0.0.1", "X-App-Version", "1"}, []string{"True-Client-Ip", "10.0.0.2", "X-App-Version", "2"}, true},
		"what a proxy has verified": {[]string{"X-Forwarded-User", "ann"}, []string{"X-Forwarded-User", "bob"}, false},
		"no credentials any more":   {[]string{"Authorization", "ann"}, nil, false},
		"credentials at last":       {nil, []string{"Authorization", "ann"}, false},
	} {
		var charged atomic.Int64
		mux, _, _ := charging(&charged)
		h := rest.ReadMetadata(func(*http.Request) bool { return true })(mux)
		send := func(header []string) (int, string, bool) {
			w := ask(h, "POST", "/keyed/p", "application/json", `{"quantity":1}`, append(slices.Clone(header), "Idempotency-Key", "k")...)
			if w.Code != 200 {
				return w.Code, problemOf(t, w).Reason, false
			}
			return w.Code, "", w.Header().Get("Idempotency-Replayed") != ""
		}
		if code, reason, replayed := send(tt.first); code != 200 || replayed {
			t.Errorf("%s: first %d %s", name, code, reason)
		}
		for range 2 {
			code, reason, replayed := send(tt.then)
			if replayed != tt.replayed || !replayed && (code != 422 || reason != "key_of_other_credentials") || charged.Load() != 1 {
				t.Errorf("%s: then %d %s, replayed %v, charged %d times", name, code, reason, replayed, charged.Load())
			}
		}
		if code, _, replayed := send(tt.first); code != 200 || !replayed || charged.Load() != 1 {
			t.Errorf("%s: at last %d, replayed %v, charged %d times", name, code, replayed, charged.Load())
		}
	}
}

func TestCallersWithACertificateHaveKeysOfTheirOwn(t *testing.T) {
	bank, err := url.Parse("spiffe://prod/bank")
	if err != nil {
		t.Fatal(err)
	}
	dn := func(name string) *x509.Certificate {
		return &x509.Certificate{Subject: pkix.Name{CommonName: name, Names: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: name}}}}
	}
	var charged atomic.Int64
	mux, _, _ := charging(&charged)
	for n, cert := range []*x509.Certificate{dn("web"), dn("app"), {DNSNames: []string{"web.local"}}, {EmailAddresses: []string{"ann@shop.example"}}, {IPAddresses: []net.IP{net.IPv4(10, 0, 0, 1)}}, {URIs: []*url.URL{bank}, DNSNames: []string{"web.local"}}, nil} {
		for serial := range 2 {
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/keyed/p", strings.NewReader(`{"quantity":1}`))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Idempotency-Key", "k")
			if r.TLS = (&tls.ConnectionState{PeerCertificates: []*x509.Certificate{dn("somebody")}}); cert != nil {
				renewed := *cert
				renewed.SerialNumber = big.NewInt(int64(serial))
				r.TLS.VerifiedChains = [][]*x509.Certificate{{&renewed}}
			}
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			if w.Code != 200 || charged.Load() != int64(n+1) {
				t.Errorf("certificate %d: %d %s, charged %d times", n, w.Code, w.Body, charged.Load())
			}
		}
	}
}

func TestAnAnswerIsForTheCertificateOfItsKeysFirstUse(t *testing.T) {
	for name, verified := range map[string]bool{"it names nobody": true, "nobody has verified it": false} {
		var charged atomic.Int64
		mux, _, _ := charging(&charged)
		for n, key := range []byte("aab") {
			cert := &x509.Certificate{RawSubjectPublicKeyInfo: []byte{key}, SerialNumber: big.NewInt(int64(n))}
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/keyed/p", strings.NewReader(`{"quantity":1}`))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Idempotency-Key", "k")
			r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}}
			if verified {
				r.TLS.VerifiedChains = [][]*x509.Certificate{{cert}}
			}
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			if want := map[byte]int{'a': 200, 'b': 422}[key]; w.Code != want || charged.Load() != 1 {
				t.Errorf("%s: the one of key %c got %d %s, charged %d times", name, key, w.Code, w.Body, charged.Load())
			}
		}
	}
}

// unwritable panics when it is encoded.
type unwritable struct{}

func (unwritable) MarshalJSON() ([]byte, error) { panic("unwritable") }

func TestAnAnswerThatPanicsWhenEncodedDoesNotRunAgain(t *testing.T) {
	acted := 0
	mux := http.NewServeMux()
	rest.Route[endpoint.None, unwritable]{Pattern: "POST /x", Keyed: true}.Handle(mux, func(context.Context, endpoint.None) (unwritable, error) {
		acted++
		return unwritable{}, nil
	})
	for _, want := range []int{500, 409, 409} {
		if w := ask(mux, "POST", "/x", "", "", "Idempotency-Key", "k"); w.Code != want || acted != 1 {
			t.Errorf("%d after %d runs, want %d", w.Code, acted, want)
		}
	}
}

func TestAnAnswerThatCannotBeStoredFailsRepeats(t *testing.T) {
	for name, answer := range map[string]any{"no JSON": math.Inf(1), "too large": strings.Repeat("x", 5<<20)} {
		acted := 0
		mux := http.NewServeMux()
		rest.Route[endpoint.None, any]{Pattern: "POST /x", Keyed: true}.Handle(mux, func(context.Context, endpoint.None) (any, error) {
			acted++
			return answer, nil
		})
		first := ask(mux, "POST", "/x", "", "", "Idempotency-Key", "k")
		if want := map[bool]int{true: 500, false: 200}[name == "no JSON"]; first.Code != want {
			t.Errorf("%s: first %d, want %d", name, first.Code, want)
		}
		if p := problemOf(t, ask(mux, "POST", "/x", "", "", "Idempotency-Key", "k")); p.Status != 409 || p.Reason != "answer_not_kept" || acted != 1 {
			t.Errorf("%s: then %+v after %d runs", name, p, acted)
		}
	}
}

func TestARefusalIsStoredForAMinuteOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		acted := 0
		mux := http.NewServeMux()
		rest.Route[endpoint.None, endpoint.None]{Pattern: "POST /x", Keyed: true}.Handle(mux, func(context.Context, endpoint.None) (endpoint.None, error) {
			acted++
			return endpoint.None{}, fault.NotFound.Errorf("no")
		})
		for want, wait := range []time.Duration{0, 59 * time.Second, 2 * time.Second} {
			bubble.Sleep(wait)
			w := ask(mux, "POST", "/x", "", "", "Idempotency-Key", "k")
			if w.Code != 404 || acted != 1+want/2 {
				t.Errorf("%d, acted %d times", w.Code, acted)
			}
		}
	})
}

func TestAnAnswerStoredByTheHandlerEqualsTheRoutes(t *testing.T) {
	store, died := idempotency.NewMemory(), true
	mux := storeMux{http.NewServeMux(), store}
	rest.Route[*ReserveRequest, *Stock]{Pattern: "POST /r/{product_id}", Keyed: true, Status: 201}.Handle(mux, func(ctx context.Context, r *ReserveRequest) (*Stock, error) {
		if !died {
			t.Error("it ran again")
		}
		died = false
		return nil, errors.Join(idempotency.SaveAnswer(ctx, store, &Stock{Available: r.Quantity}), fault.Unavailable.Errorf("died after the commit"))
	})
	for _, want := range []int{503, 201, 201} {
		w := ask(mux, "POST", "/r/p", "application/json", `{"quantity":7}`, "Idempotency-Key", "k")
		if w.Code != want || want == 201 && !strings.Contains(w.Body.String(), ":7") {
			t.Errorf("%d %s, want %d", w.Code, w.Body, want)
		}
	}
}

type storeMux struct {
	*http.ServeMux
	store idempotency.Store
}

func (k storeMux) IdempotencyStore() idempotency.Store { return k.store }
