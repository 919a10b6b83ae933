package rest_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// accept lets in whose credential is "good", as the user of that name.
func accept(r *http.Request, credential string, _ []string) (context.Context, error) {
	if credential != "good" && credential != "ann:good" {
		return nil, fault.Unauthenticated.Errorf("%q is not good", credential)
	}
	return context.WithValue(r.Context(), userKey{}, credential), nil
}

// guarded is a mux whose routes need one of the schemes.
func guarded(schemes map[string]rest.SecurityScheme) (*listing, rest.Mux) {
	mux := &listing{ServeMux: http.NewServeMux()}
	return mux, (&rest.Security{Schemes: schemes}).Mux(mux)
}

// answerNothing answers with nothing.
func answerNothing(context.Context, endpoint.None) (endpoint.None, error) {
	return endpoint.None{}, nil
}

type open = rest.Route[endpoint.None, endpoint.None]

func TestACallerPassesEachSchemeWithItsCredentialAlone(t *testing.T) {
	for name, c := range map[string]struct {
		scheme rest.SecurityScheme
		set    func(r *http.Request, value string)
		asks   string // WWW-Authenticate of a refusal
	}{
		"bearer": {rest.SecurityScheme{Bearer: "JWT"}, func(r *http.Request, v string) { r.Header.Set("Authorization", "bearer "+v) }, "Bearer"},
		"basic":  {rest.SecurityScheme{Basic: true}, func(r *http.Request, v string) { r.SetBasicAuth("ann", v) }, `Basic realm="basic", charset="UTF-8"`},
		"header": {rest.SecurityScheme{Header: "x-api-key"}, func(r *http.Request, v string) { r.Header.Set("X-Api-Key", v) }, ""},
		"query":  {rest.SecurityScheme{Query: "key"}, func(r *http.Request, v string) { r.URL.RawQuery = "key=" + v }, ""},
		"cookie": {rest.SecurityScheme{Cookie: "session"}, func(r *http.Request, v string) { r.AddCookie(&http.Cookie{Name: "session", Value: v}) }, ""},
		"openid": {rest.SecurityScheme{OpenIDConnect: "https://id.example.com/.well-known/openid-configuration"}, func(r *http.Request, v string) { r.Header.Set("Authorization", "Bearer "+v) }, "Bearer"},
		"oauth2": {rest.SecurityScheme{OAuth2: &rest.OAuth2{TokenURL: "https://id.example.com/token"}}, func(r *http.Request, v string) { r.Header.Set("Authorization", "Bearer "+v) }, "Bearer"},
		"tls": {rest.SecurityScheme{MutualTLS: true}, func(r *http.Request, v string) {
			r.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{{DNSNames: []string{v}}}}}
		}, ""},
	} {
		c.scheme.Check = accept
		mux, secured := guarded(map[string]rest.SecurityScheme{name: c.scheme})
		open{Pattern: "GET /x"}.Handle(secured, answerNothing)
		for value, want := range map[string]int{"good": 204, "bad": 401, "": 401} {
			r := httptest.NewRequest("GET", "/x", nil)
			if value != "" {
				c.set(r, value)
			}
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s with the credential %q: got status %d, want %d", name, value, w.Code, want)
			}
			if asks := w.Header().Get("WWW-Authenticate"); want == 401 && asks != c.asks {
				t.Errorf("%s with the credential %q: the refusal asks for %q, want %q", name, value, asks, c.asks)
			}
			if want == 401 && problemOf(t, w).Code != "unauthenticated" {
				t.Errorf("%s with the credential %q: got %s, want a problem document", name, value, w.Body)
			}
		}
	}
}

func TestTwoCredentialsOfOneSchemeAreNone(t *testing.T) {
	mux, secured := guarded(map[string]rest.SecurityScheme{"key": {Header: "X-Key", Check: accept}, "token": {Bearer: "JWT", Check: accept}})
	open{Pattern: "GET /x"}.Handle(secured, answerNothing)
	for _, header := range []http.Header{{"X-Key": {"good", "good"}}, {"Authorization": {"Bearer good", "Bearer good"}}} {
		r := httptest.NewRequest("GET", "/x", nil)
		r.Header = header
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code != 401 {
			t.Errorf("%v is answered with %d, want 401", header, w.Code)
		}
	}
}

func TestOneOfSeveralSchemesSuffices(t *testing.T) {
	mux, secured := guarded(map[string]rest.SecurityScheme{"key": {Header: "X-Key", Check: accept}, "token": {Bearer: "JWT", Check: accept}})
	open{Pattern: "GET /x"}.Handle(secured, answerNothing)
	open{Pattern: "GET /key", Security: []string{"key"}}.Handle(secured, answerNothing)
	for _, c := range []struct {
		path   string
		header []string
		want   int
	}{
		{"/x", []string{"X-Key", "bad", "Authorization", "Bearer good"}, 204},
		{"/x", []string{"X-Key", "bad"}, 401},
		{"/key", []string{"Authorization", "Bearer good"}, 401},
		{"/key", []string{"X-Key", "good"}, 204},
	} {
		if w := ask(mux, "GET", c.path, "", "", c.header...); w.Code != c.want {
			t.Errorf("%s with %v: got status %d, want %d", c.path, c.header, w.Code, c.want)
		}
	}
}

func TestWhatACheckFindsIsInTheContextOfTheEndpoint(t *testing.T) {
	mux, secured := guarded(map[string]rest.SecurityScheme{"key": {Header: "X-Key", Check: accept}})
	var user any
	open{Pattern: "GET /x"}.Handle(rest.Prefix("/v1").Mux(secured), func(ctx context.Context, _ endpoint.None) (endpoint.None, error) {
		user = ctx.Value(userKey{})
		return endpoint.None{}, nil
	})
	if w := ask(mux, "GET", "/v1/x", "", "", "X-Key", "good"); w.Code != 204 || user != "good" {
		t.Errorf("got status %d for user %v, want 204 for good", w.Code, user)
	}
	if w := ask(mux, "GET", "/v1/x", "", ""); w.Code != 401 {
		t.Errorf("a prefix opens its routes: got status %d, want 401", w.Code)
	}
}

func TestAFailureOfACheckAnswersTheRequest(t *testing.T) {
	for name, c := range map[string]struct {
		check func() error
		want  int
	}{
		"refusal": {func() error { return fault.PermissionDenied.Errorf("no") }, 403},
		"outage":  {func() error { return fault.Unavailable.Errorf("the keys cannot be read") }, 503},
		"panic":   {func() error { panic("defect") }, 500},
	} {
		mux, secured := guarded(map[string]rest.SecurityScheme{"key": {Header: "X-Key", Check: func(*http.Request, string, []string) (context.Context, error) { return nil, c.check() }}})
		open{Pattern: "GET /x"}.Handle(secured, answerNothing)
		if w := ask(mux, "GET", "/x", "", "", "X-Key", "k"); w.Code != c.want || w.Header().Get("WWW-Authenticate") != "" {
			t.Errorf("%s: got status %d, want %d and no WWW-Authenticate", name, w.Code, c.want)
		}
	}
}

func TestAGatewayRefusesBeforeItForwards(t *testing.T) {
	calls := 0
	callee, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { calls++; w.WriteHeader(204) }))
	mux, secured := guarded(map[string]rest.SecurityScheme{"key": {Header: "X-Key", Check: accept}})
	open{Pattern: "GET /x"}.Forward(secured, callee)
	if w := ask(mux, "GET", "/x", "", ""); w.Code != 401 || calls != 0 {
		t.Errorf("got status %d after %d calls, want 401 after none", w.Code, calls)
	}
	if w := ask(mux, "GET", "/x", "", "", "X-Key", "good"); w.Code != 204 || calls != 1 {
		t.Errorf("got status %d after %d calls, want 204 after 1", w.Code, calls)
	}
}

func TestARouteThatItsMuxCannotProtectIsRefused(t *testing.T) {
	key := map[string]rest.SecurityScheme{"key": {Header: "X-Key", Check: accept}, "sso": {OAuth2: &rest.OAuth2{TokenURL: "https://x.example.com", Scopes: map[string]string{"read": "reads"}}, Check: accept}}
	_, secured := guarded(key)
	for name, c := range map[string]struct {
		mux   rest.Mux
		route open
		want  []string
	}{
		"an unknown scheme":       {secured, open{Pattern: "GET /x", Security: []string{"token"}}, []string{`"GET /x"`, `"token"`, "key, sso"}},
		"a mux without Security":  {http.NewServeMux(), open{Pattern: "GET /x", Security: []string{"key"}}, []string{`"GET /x"`, `"key"`, "Config.Security"}},
		"scopes without Security": {http.NewServeMux(), open{Pattern: "GET /x", Scopes: []string{"read"}}, []string{`"GET /x"`, `"read"`}},
		"an unknown scope":        {secured, open{Pattern: "GET /x", Security: []string{"sso"}, Scopes: []string{"write"}}, []string{`"write"`, `"sso"`}},
		"public and a scheme":     {secured, open{Pattern: "GET /x", Public: true, Security: []string{"key"}}, []string{"Public"}},
	} {
		func() {
			defer func() {
				text := fmt.Sprint(recover())
				for _, want := range c.want {
					if !strings.Contains(text, want) {
						t.Errorf("%s: got %s, want %s in it", name, text, want)
					}
				}
			}()
			c.route.Handle(c.mux, answerNothing)
		}()
	}
}

func TestASecurityThatContradictsItselfIsRefused(t *testing.T) {
	for want, s := range map[string]rest.Security{
		"2 ways":          {Schemes: map[string]rest.SecurityScheme{"a": {Bearer: "JWT", Basic: true}}},
		"0 ways":          {Schemes: map[string]rest.SecurityScheme{"a": {}}},
		"letters":         {Schemes: map[string]rest.SecurityScheme{"a b": {Basic: true}}},
		"no name of a h":  {Schemes: map[string]rest.SecurityScheme{"a": {Header: "a b"}}},
		"use Bearer":      {Schemes: map[string]rest.SecurityScheme{"a": {Header: "authorization"}}},
		"no name of a c":  {Schemes: map[string]rest.SecurityScheme{"a": {Cookie: "a;b"}}},
		"OpenIDConnect:":  {Schemes: map[string]rest.SecurityScheme{"a": {OpenIDConnect: "id"}}},
		"TokenURL":        {Schemes: map[string]rest.SecurityScheme{"a": {OAuth2: &rest.OAuth2{}}}},
		"no scheme \"b\"": {Schemes: map[string]rest.SecurityScheme{"a": {Basic: true}}, Default: []string{"b"}},
		"have none":       {Schemes: map[string]rest.SecurityScheme{"a": {Basic: true}, "b": {Basic: true, Check: accept}}},
	} {
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s in it", err, want)
		}
	}
}

// documented returns a part of the document of handlers.
func documented(t *testing.T, handlers []http.Handler, path ...string) any {
	t.Helper()
	text, err := json.Marshal(rest.OpenAPI("x", "1", handlers...))
	if err != nil {
		t.Fatal(err)
	}
	var at any
	if err := json.Unmarshal(text, &at); err != nil {
		t.Fatal(err)
	}
	for _, name := range path {
		object, _ := at.(map[string]any)
		at = object[name]
	}
	return at
}

func TestTheDocumentSaysWhatEachOperationNeeds(t *testing.T) {
	mux := &listing{ServeMux: http.NewServeMux()}
	secured := (&rest.Security{Schemes: map[string]rest.SecurityScheme{"key": {Header: "X-Key"}, "token": {Bearer: "JWT"}}, Default: []string{"token"}}).Mux(mux)
	open{Pattern: "GET /usual"}.Handle(rest.Prefix("/v1").Mux(secured), answerNothing)
	open{Pattern: "GET /public", Public: true}.Handle(secured, answerNothing)
	open{Pattern: "GET /key", Security: []string{"key"}}.Forward(secured, rest.Remote("http://10.0.0.1", nil))
	open{Pattern: "GET /scoped", Scopes: []string{"read"}}.Handle(secured, answerNothing)
	open{Pattern: "GET /outside"}.Handle(mux, answerNothing)
	if got, want := documented(t, mux.handlers, "security"), []any{map[string]any{"token": []any{}}}; !reflect.DeepEqual(got, want) {
		t.Errorf("the document needs %v, want %v", got, want)
	}
	for path, want := range map[string]any{
		"/v1/usual": nil,
		"/public":   []any{},
		"/outside":  []any{},
		"/key":      []any{map[string]any{"key": []any{}}},
		"/scoped":   []any{map[string]any{"token": []any{"read"}}},
	} {
		if got := documented(t, mux.handlers, "paths", path, "get", "security"); !reflect.DeepEqual(got, want) {
			t.Errorf("%s needs %v, want %v", path, got, want)
		}
		isOpen := path == "/public" || path == "/outside"
		for _, status := range []string{"401", "403"} {
			if got := documented(t, mux.handlers, "paths", path, "get", "responses", status); (got == nil) != isOpen {
				t.Errorf("%s has the answer %s: %v", path, status, got)
			}
		}
	}
}

func TestADocumentOfTwoSecuritiesHasTheSchemesOfBoth(t *testing.T) {
	mux := &listing{ServeMux: http.NewServeMux()}
	for pattern, scheme := range map[string]rest.SecurityScheme{"GET /a": {Bearer: "JWT"}, "GET /b": {Basic: true}, "GET /c": {Bearer: "JWT"}} {
		open{Pattern: pattern}.Handle((&rest.Security{Schemes: map[string]rest.SecurityScheme{"login": scheme}}).Mux(mux), answerNothing)
	}
	if got := documented(t, mux.handlers, "security"); got != nil {
		t.Errorf("the document needs %v as a whole, want each operation to say what it needs", got)
	}
	for path, want := range map[string]string{"/a": "login", "/b": "login2", "/c": "login"} {
		if got := documented(t, mux.handlers, "paths", path, "get", "security"); !reflect.DeepEqual(got, []any{map[string]any{want: []any{}}}) {
			t.Errorf("%s needs %v, want %s", path, got, want)
		}
	}
}

func TestADocumentWithoutSecuritySaysNothingOfIt(t *testing.T) {
	mux := &listing{ServeMux: http.NewServeMux()}
	open{Pattern: "GET /x"}.Handle(mux, answerNothing)
	if text, _ := json.Marshal(rest.OpenAPI("x", "1", mux.handlers...)); strings.Contains(string(text), "ecurity") {
		t.Errorf("the document is %s", text)
	}
}
