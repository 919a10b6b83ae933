package rest

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
)

// access says who may reach a route.
type access struct {
	security *Security // of the mux; nil if nothing is known of it
	public   bool
	named    []string // the schemes that the route names itself
	scopes   []string
}

// needs returns the names of the schemes of which a caller needs one, nil if none.
func (a access) needs() []string {
	switch {
	case a.public || a.security == nil || len(a.security.Schemes) == 0:
		return nil
	case len(a.named) > 0:
		return a.named
	}
	return a.security.usual()
}

// checkAccess refuses a route that contradicts itself.
func (c *contract) checkAccess() {
	if c.access.public && len(c.access.named)+len(c.access.scopes) > 0 {
		c.refuse("it is Public, and has Security or Scopes, which only a caller that is known can have: leave out one of them")
	}
}

// securedBy sets the Security of the mux, and refuses a route that needs what the mux does
// not have: it would be open.
func (c *contract) securedBy(mux Mux) {
	s := securityOf(mux)
	c.access.security = s
	switch {
	case s == nil && len(c.access.named)+len(c.access.scopes) > 0:
		c.refuse("it has Security or Scopes, and its mux has no Security that would check them: "+
			"set Config.Security of the service, or serve it on Security.Mux (scheme %q, scopes %q)", c.access.named, c.access.scopes)
	case s == nil || len(s.Schemes) == 0:
		return
	}
	if err := s.Validate(); err != nil {
		c.refuse("the Security of its mux: %v", err)
	}
	for _, name := range c.access.named {
		if _, ok := s.Schemes[name]; !ok {
			c.refuse("it names the security scheme %q, and its mux knows %s", name, s.names())
		}
	}
	for _, name := range c.access.needs() {
		known := s.Schemes[name].OAuth2
		for _, scope := range c.access.scopes {
			if known == nil {
				continue
			}
			if _, ok := known.Scopes[scope]; !ok {
				c.refuse("it has the scope %q, which is not among those of the security scheme %q", scope, name)
			}
		}
	}
}

// secured returns h behind the checks of the route's schemes.
func (c *contract) secured(h http.Handler, log func() *slog.Logger) http.Handler {
	needs := c.access.needs()
	if needs == nil || !c.access.security.checks() {
		return h
	}
	s := &securedHandler{Handler: h, contract: c, log: log}
	for _, name := range needs {
		s.schemes = append(s.schemes, c.access.security.Schemes[name])
		if challenge := c.access.security.Schemes[name].challenge(name); challenge != "" && !slices.Contains(s.challenges, challenge) {
			s.challenges = append(s.challenges, challenge)
		}
	}
	return s
}

// challenge returns the value of WWW-Authenticate for the scheme, "" if HTTP has none.
func (s SecurityScheme) challenge(name string) string {
	switch {
	case s.Basic:
		return `Basic realm="` + name + `", charset="UTF-8"`
	case s.Bearer != "" || s.OpenIDConnect != "" || s.OAuth2 != nil:
		return "Bearer"
	}
	return ""
}

// securedHandler is a route that only callers reach who pass the check of a scheme.
type securedHandler struct {
	http.Handler
	*contract
	log        func() *slog.Logger
	schemes    []SecurityScheme
	challenges []string
}

// Unwrap returns the handler of the route, which describes it.
func (s *securedHandler) Unwrap() http.Handler { return s.Handler }

// ServeHTTP implements [http.Handler].
func (s *securedHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, err := s.check(r)
	if err == nil {
		if ctx != nil {
			r = r.WithContext(ctx)
		}
		s.Handler.ServeHTTP(w, r)
		return
	}
	w = markHead(w, r)
	s.timeLimits.set(w, r)
	s.boundRest(w)
	if errors.Is(err, fault.Unauthenticated) && len(s.challenges) > 0 {
		w.Header()["Www-Authenticate"] = s.challenges
	}
	logFailure(r.Context(), w, s.log(), s.text, err)
	writeProblem(w, err)
}

// check returns the context of a request that passes one of the schemes that it has
// credentials for, or else why the first of them refuses it.
func (s *securedHandler) check(r *http.Request) (ctx context.Context, refusal error) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler { //nolint:errorlint // a panic's value, not wrapped
				panic(p)
			}
			logPanic(r.Context(), s.log(), s.text, p)
			ctx, refusal = nil, errInternal
		}
	}()
	for _, scheme := range s.schemes {
		credential, found := scheme.credentialIn(r)
		if !found {
			continue
		}
		ctx, err := scheme.Check(r, credential, s.access.scopes)
		if err == nil {
			return ctx, nil
		}
		if refusal == nil {
			refusal = err
		}
	}
	if refusal == nil {
		refusal = fault.Unauthenticated.Errorf("%s needs %s", s.served.text, s.needed())
	}
	return nil, refusal
}

// needed says what a request needs.
func (s *securedHandler) needed() string {
	var all []string
	for _, scheme := range s.schemes {
		if text := scheme.String(); !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return strings.Join(all, ", or ")
}

// securityOf returns the Security of a mux, or nil.
func securityOf(mux Mux) *Security {
	if m, ok := mux.(interface{ Security() *Security }); ok && !absent.Is(mux) {
		return m.Security()
	}
	return nil
}
