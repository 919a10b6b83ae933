package middleware_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
	"github.com/sinew-go/sinew/transport/rest/middleware"
)

const shopOrigin = "https://shop.example"

// authenticated refuses what has no Authorization.
func authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			rest.WriteError(w, fault.Unauthenticated.Errorf("log in"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func TestAPreflightIsAnsweredBeforeAnythingAsksForCredentials(t *testing.T) {
	layers := []layer{middleware.CORS{Origins: []string{shopOrigin}}.Middleware(), authenticated}
	onBoth(t, handleProducts, layers, func(t *testing.T, url string) {
		got := send(t, "OPTIONS", url+"/products/p-1", nil, "Origin", shopOrigin,
			"Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "authorization,content-type,idempotency-key")
		if got.StatusCode != 204 || got.Header.Get("Access-Control-Allow-Origin") != shopOrigin || got.Header.Get("Access-Control-Allow-Methods") != "PUT" {
			t.Errorf("the preflight is answered with %d and %v", got.StatusCode, got.Header)
		}
		if age := got.Header.Get("Access-Control-Max-Age"); age != "600" {
			t.Errorf("a browser remembers it for %s s, want 600", age)
		}
	})
}

func TestAPageOfAnAllowedOriginReadsAnswersAndProblems(t *testing.T) {
	layers := []layer{middleware.CORS{Origins: []string{"https://*.shop.example"}, Credentials: true}.Middleware()}
	onBoth(t, handleProducts, layers, func(t *testing.T, url string) {
		for path, status := range map[string]int{"/products/p-1": 200, "/products/p-9": 404} {
			got := send(t, "GET", url+path, nil, "Origin", "https://admin.shop.example")
			if got.StatusCode != status || got.Header.Get("Access-Control-Allow-Origin") != "https://admin.shop.example" || got.Header.Get("Access-Control-Allow-Credentials") != "true" {
				t.Errorf("%s is answered with %d and %v", path, got.StatusCode, got.Header)
			}
			if exposed := got.Header.Get("Access-Control-Expose-Headers"); !strings.Contains(exposed, "X-Request-Id") || !strings.Contains(exposed, "Idempotency-Replayed") {
				t.Errorf("%s exposes %s", path, exposed)
			}
		}
	})
}

func TestAPageMayReadRangesOfFiles(t *testing.T) {
	type text struct {
		Body []byte `body:"text/plain"`
	}
	routes := func(mux rest.Mux) {
		rest.Route[endpoint.None, text]{Pattern: "GET /text"}.Handle(mux, func(context.Context, endpoint.None) (text, error) {
			return text{[]byte("abc")}, nil
		})
	}
	onBoth(t, routes, []layer{middleware.CORS{Origins: []string{shopOrigin}}.Middleware()}, func(t *testing.T, url string) {
		preflight := send(t, "OPTIONS", url+"/text", nil, "Origin", shopOrigin,
			"Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "if-modified-since,if-range,if-unmodified-since,range")
		if preflight.Header.Get("Access-Control-Allow-Origin") != shopOrigin {
			t.Errorf("the preflight of a range is answered with %d and %v", preflight.StatusCode, preflight.Header)
		}
		got := send(t, "GET", url+"/text", nil, "Origin", shopOrigin, "Range", "bytes=0-1")
		exposed := got.Header.Get("Access-Control-Expose-Headers")
		for _, name := range []string{"Accept-Ranges", "Content-Range"} {
			if got.Header[name] == nil || !strings.Contains(exposed, name) {
				t.Errorf("the answer exposes %s; want %s, which it has as %q", exposed, name, got.Header[name])
			}
		}
	})
}

func TestNoOtherOriginIsAllowed(t *testing.T) {
	for _, policy := range []middleware.CORS{{}, {Origins: []string{shopOrigin}}, {Origins: []string{"https://*.shop.example"}}} {
		onBoth(t, handleProducts, []layer{policy.Middleware()}, func(t *testing.T, url string) {
			for _, origin := range []string{"https://evil.example", "http://shop.example", "https://shop.example.evil.example", "https://evilshop.example", "null"} {
				got := send(t, "GET", url+"/products/p-1", nil, "Origin", origin)
				preflight := send(t, "OPTIONS", url+"/products/p-1", nil, "Origin", origin, "Access-Control-Request-Method", "PUT")
				if got.Header["Access-Control-Allow-Origin"] != nil || preflight.Header["Access-Control-Allow-Origin"] != nil {
					t.Errorf("with %v %s is allowed", policy.Origins, origin)
				}
			}
		})
	}
}

func TestACORSPolicyThatOpensTooMuchIsRefused(t *testing.T) {
	for name, policy := range map[string]middleware.CORS{
		"all origins with credentials": {Origins: []string{"*"}, Credentials: true},
		"every host":                   {Origins: []string{"https://*"}},
		"a wildcard within a name":     {Origins: []string{"https://shop*.example"}},
		"the null origin":              {Origins: []string{"null"}},
		"no scheme":                    {Origins: []string{"shop.example"}},
		"a path":                       {Origins: []string{"https://shop.example/"}},
		"all methods":                  {Methods: []string{"*"}},
		"all headers with credentials": {Expose: []string{"*"}, Credentials: true},
	} {
		if err := policy.Validate(); !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("%s is accepted: %v", name, err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s does not panic", name)
				}
			}()
			policy.Middleware()
		}()
	}
}

func TestPoliciesWithDurationsAreData(t *testing.T) {
	cors := middleware.CORS{Origins: []string{shopOrigin}, MaxAge: time.Minute}.WithDefaults()
	secure := middleware.SecureHeaders{HSTS: time.Hour}.WithDefaults()
	for _, c := range []struct{ policy, read any }{{cors, &middleware.CORS{}}, {secure, &middleware.SecureHeaders{}}} {
		text, err := json.Marshal(c.policy)
		if err == nil {
			err = json.Unmarshal(text, c.read)
		}
		if got := reflect.ValueOf(c.read).Elem().Interface(); err != nil || !reflect.DeepEqual(got, c.policy) {
			t.Errorf("%s is read as %+v, %v", text, got, err)
		}
	}
}
