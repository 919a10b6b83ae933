package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// isGood lets in whoever has the credential "good".
func isGood(_ *http.Request, credential string, _ []string) (context.Context, error) {
	if credential != "good" {
		return nil, fault.Unauthenticated.Errorf("the credential is not valid")
	}
	return nil, nil
}

// protected is a service with routes of all kinds of protection.
func protected() http.Handler {
	svc := sinew.New("guarded", sinew.Config{Security: &rest.Security{
		Schemes: map[string]rest.SecurityScheme{
			"token":  {Bearer: "JWT", Check: isGood},
			"key":    {Header: "X-Api-Key", Check: isGood},
			"cookie": {Cookie: "session", Check: isGood},
			"query":  {Query: "key", Check: isGood},
			"sso":    {OpenIDConnect: "https://id.example.com/.well-known/openid-configuration", Check: isGood},
			"login":  {OAuth2: &rest.OAuth2{AuthorizationURL: "https://id.example.com/login", TokenURL: "https://id.example.com/token", Scopes: map[string]string{"write": "May write."}}, Check: isGood},
			"mesh":   {MutualTLS: true, Check: isGood},
			"old":    {Basic: true, Check: isGood},
		},
		Default: []string{"token", "key"},
	}})
	for _, r := range []rest.Route[endpoint.None, endpoint.None]{
		{Pattern: "GET /usual"},
		{Pattern: "GET /public", Public: true},
		{Pattern: "GET /cookie", Security: []string{"cookie"}},
		{Pattern: "GET /query", Security: []string{"query", "mesh"}},
		{Pattern: "GET /scoped", Security: []string{"login", "sso"}, Scopes: []string{"write"}},
		{Pattern: "GET /old", Security: []string{"old"}},
	} {
		r.Handle(rest.Prefix("/v1").Mux(svc), func(context.Context, endpoint.None) (endpoint.None, error) { return endpoint.None{}, nil })
	}
	return svc.Handler()
}

// hasCredential is what a validator makes of a scheme of the document.
func hasCredential(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	r, s := in.RequestValidationInput.Request, in.SecurityScheme
	found := ""
	switch {
	case s.Type == "apiKey" && s.In == "header":
		found = r.Header.Get(s.Name)
	case s.Type == "apiKey" && s.In == "query":
		found = r.URL.Query().Get(s.Name)
	case s.Type == "apiKey":
		if c, err := r.Cookie(s.Name); err == nil {
			found = c.Value
		}
	case s.Type == "mutualTLS" || s.Scheme == "basic":
	case r.Header.Get("Authorization") == "Bearer good":
		found = "good"
	}
	if found != "good" {
		return errors.New("it has no good credential")
	}
	return nil
}

func TestAServiceRefusesExactlyWhatItsDocumentSaysThatItDoes(t *testing.T) {
	h := protected()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/openapi.json", nil))
	document, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	router, err := legacy.NewRouter(document) // which validates it
	if err != nil {
		t.Fatal(err)
	}
	credentials := map[string]func(r *http.Request){
		"none":        func(*http.Request) {},
		"a token":     func(r *http.Request) { r.Header.Set("Authorization", "Bearer good") },
		"a bad token": func(r *http.Request) { r.Header.Set("Authorization", "Bearer bad") },
		"a key":       func(r *http.Request) { r.Header.Set("X-Api-Key", "good") },
		"a cookie":    func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "session", Value: "good"}) },
		"a parameter": func(r *http.Request) { r.URL.RawQuery = "key=good" },
	}
	refused := 0
	for path := range document.Paths.Map() {
		for name, set := range credentials {
			r := httptest.NewRequest("GET", path, nil)
			set(r)
			route, variables, err := router.FindRoute(r)
			if err != nil {
				t.Fatal(err)
			}
			allowed := openapi3filter.ValidateRequest(t.Context(), &openapi3filter.RequestValidationInput{
				Request: r, PathParams: variables, Route: route, Options: &openapi3filter.Options{AuthenticationFunc: hasCredential},
			})
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if want := map[bool]int{true: 204, false: 401}[allowed == nil]; w.Code != want {
				t.Errorf("GET %s with %s: got status %d, and by the document %d (%v)", path, name, w.Code, want, allowed)
			}
			if w.Code != 401 {
				continue
			}
			refused++
			if p := new(fault.Problem); json.Unmarshal(w.Body.Bytes(), p) != nil || p.Code != "unauthenticated" || route.Operation.Responses.Status(401) == nil {
				t.Errorf("GET %s with %s: the refusal is %s, want a problem document that openapi.json has", path, name, w.Body)
			}
		}
	}
	if refused < 20 {
		t.Errorf("%d requests were refused, want more than 20", refused)
	}
}
