package rest

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/wire"
)

// Security says by which schemes the callers of routes prove who they are. It is what
// protects the routes and what the OpenAPI document says of them, so that the two agree: a
// route on a [Mux] with a Security is reached by callers that pass the Check of one of its
// schemes. [Route].Public lets everybody in, [Route].Security names other schemes, and
// [Route].Scopes what the caller must be allowed.
//
// The Security of a sinew.Service is its Config.Security; [Security.Mux] gives another mux
// one. It protects routes of this package, and no other handler of the mux. Do not change it
// once a route is served.
type Security struct {
	// Schemes are the schemes by name. A name has letters, digits, dots, hyphens and
	// underscores. A mux for tests may have a Security without schemes: it protects nothing
	// and knows every name.
	Schemes map[string]SecurityScheme
	// Default names the schemes of a route that names none. When empty, they are all
	// schemes.
	Default []string
}

// SecurityScheme is one way to prove who calls. Exactly one of its fields says which, Check
// and Description aside.
type SecurityScheme struct {
	// Bearer is a token in the header Authorization, and says of which format it is, such
	// as "JWT" or "opaque".
	Bearer string
	// Basic is a user and a password in the header Authorization.
	Basic bool
	// Header, Query and Cookie are a key or a token that is the value of the header, the
	// query parameter or the cookie of this name. A key in a query is in the logs of many
	// proxies.
	Header, Query, Cookie string
	// OpenIDConnect is the URL of a provider's discovery document, which ends in
	// /.well-known/openid-configuration. Its access token travels as a Bearer does.
	OpenIDConnect string
	// OAuth2 is a server whose access token travels as a Bearer does.
	OAuth2 *OAuth2
	// MutualTLS is a certificate that the server has verified: see [Verified].
	MutualTLS bool
	// Description is for the document.
	Description string
	// Check verifies a credential: the token, the key, "user:password", or the name in the
	// certificate. It refuses a credential that is not valid with fault.Unauthenticated,
	// and a caller who has not all scopes of the route with fault.PermissionDenied. Any
	// other failure answers the request, too. The context that it returns, if any, is that
	// of the request from there on, so that it may carry who calls, for Config.Subject and
	// the endpoint. It runs before the request is read, within the middlewares of HTTP.
	//
	// Without a Check nothing is verified here: the document alone has the scheme, and a
	// middleware or a proxy verifies it. Either all schemes of a Security have a Check, or
	// none.
	Check func(r *http.Request, credential string, scopes []string) (context.Context, error)
}

// OAuth2 is an authorization server. With an AuthorizationURL a user logs in (authorization
// code); without one a program gets its token by itself (client credentials).
type OAuth2 struct {
	AuthorizationURL, TokenURL, RefreshURL string
	// Scopes are what a token may allow, with a sentence about each.
	Scopes map[string]string
}

// Mux returns a mux that serves routes on outer and protects them by s. What outer has
// besides Handle, the returned mux has as well, except a Security. Mux panics if outer is
// nil or s does not validate.
func (s *Security) Mux(outer Mux) Mux {
	if absent.Is(outer) {
		panic("rest: Security: the mux that shall serve the routes is nil")
	}
	if err := s.Validate(); err != nil {
		panic("rest: Security: " + err.Error())
	}
	return &group{outer: outer, security: s}
}

// Validate reports every fault of s at once, as fault.InvalidArgument. A nil Security is
// valid: it protects nothing.
func (s *Security) Validate() error {
	if s == nil {
		return nil
	}
	var faults []string
	checks := 0
	for _, name := range slices.Sorted(maps.Keys(s.Schemes)) {
		scheme := s.Schemes[name]
		if scheme.Check != nil {
			checks++
		}
		if text := scheme.faultOf(name); text != "" {
			faults = append(faults, fmt.Sprintf("Schemes[%s]: %s", name, text))
		}
	}
	for _, name := range s.Default {
		if _, ok := s.Schemes[name]; !ok {
			faults = append(faults, fmt.Sprintf("Default: there is no scheme %q; it knows %s", name, s.names()))
		}
	}
	if checks != 0 && checks != len(s.Schemes) {
		faults = append(faults, "some schemes have a Check and others have none, so that what those verify is not known; give each a Check, or none")
	}
	if faults == nil {
		return nil
	}
	return fault.InvalidArgument.Errorf("%s", strings.Join(faults, "; "))
}

// schemeName is a name that OpenAPI accepts.
var schemeName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// faultOf says what is wrong with a scheme, "" if nothing is.
func (s SecurityScheme) faultOf(name string) string {
	ways := 0
	for _, is := range []bool{
		s.Bearer != "", s.Basic, s.Header != "", s.Query != "", s.Cookie != "", s.OpenIDConnect != "", s.OAuth2 != nil, s.MutualTLS,
	} {
		if is {
			ways++
		}
	}
	switch {
	case !schemeName.MatchString(name):
		return "the name may have letters, digits, dots, hyphens and underscores only"
	case ways != 1:
		return fmt.Sprintf("it has %d ways to prove who calls; set one of Bearer, Basic, Header, Query, Cookie, OpenIDConnect, OAuth2 and MutualTLS", ways)
	case s.Header != "" && !isHeaderName(s.Header):
		return fmt.Sprintf("%q is no name of a header", s.Header)
	case slices.Contains(ignoredHeaders, http.CanonicalHeaderKey(s.Header)):
		return fmt.Sprintf("OpenAPI knows no key in the header %s; use Bearer or Basic", s.Header)
	case s.Cookie != "" && !isHeaderName(s.Cookie):
		return fmt.Sprintf("%q is no name of a cookie", s.Cookie)
	case s.OpenIDConnect != "" && !isURL(s.OpenIDConnect):
		return fmt.Sprintf("OpenIDConnect: %q is no URL", s.OpenIDConnect)
	case s.OAuth2 == nil:
		return ""
	case !isURL(s.OAuth2.TokenURL):
		return fmt.Sprintf("OAuth2.TokenURL: %q is no URL", s.OAuth2.TokenURL)
	case s.OAuth2.AuthorizationURL != "" && !isURL(s.OAuth2.AuthorizationURL):
		return fmt.Sprintf("OAuth2.AuthorizationURL: %q is no URL", s.OAuth2.AuthorizationURL)
	case s.OAuth2.RefreshURL != "" && !isURL(s.OAuth2.RefreshURL):
		return fmt.Sprintf("OAuth2.RefreshURL: %q is no URL", s.OAuth2.RefreshURL)
	}
	return ""
}

func isURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}

// names lists the schemes, for messages.
func (s *Security) names() string { return strings.Join(slices.Sorted(maps.Keys(s.Schemes)), ", ") }

// checks reports whether s verifies anything.
func (s *Security) checks() bool {
	for _, scheme := range s.Schemes {
		return scheme.Check != nil // all or none
	}
	return false
}

// usual returns the names of the schemes of a route that names none.
func (s *Security) usual() []string {
	if len(s.Default) > 0 {
		return s.Default
	}
	return slices.Sorted(maps.Keys(s.Schemes))
}

// credentialIn returns the credential that a request has for the scheme. Two of them are
// none: a proxy on the way might have verified the other.
func (s SecurityScheme) credentialIn(r *http.Request) (credential string, found bool) {
	var all []string
	switch {
	case s.Header != "":
		all = r.Header[http.CanonicalHeaderKey(s.Header)]
	case s.Query != "":
		all = r.URL.Query()[s.Query]
	case s.Cookie != "":
		all = cookieValues(r, s.Cookie)
	case s.MutualTLS:
		return wire.CertificateSubject(r), Verified(r)
	case len(r.Header["Authorization"]) != 1:
		return "", false
	case s.Basic:
		user, password, ok := r.BasicAuth()
		return user + ":" + password, ok
	default:
		scheme, token, _ := strings.Cut(r.Header["Authorization"][0], " ")
		token = strings.Trim(token, " ")
		return token, strings.EqualFold(scheme, "Bearer") && token != ""
	}
	if len(all) != 1 || all[0] == "" {
		return "", false
	}
	return all[0], true
}

// String says what a request needs, for messages.
func (s SecurityScheme) String() string {
	switch {
	case s.Header != "":
		return "a key in the header " + s.Header
	case s.Query != "":
		return "a key in the query parameter " + s.Query
	case s.Cookie != "":
		return "the cookie " + s.Cookie
	case s.Basic:
		return "a user and a password in the header Authorization"
	case s.MutualTLS:
		return "a certificate"
	}
	return "a bearer token in the header Authorization"
}
