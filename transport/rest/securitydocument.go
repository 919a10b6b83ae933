package rest

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
)

// addSecurity adds the schemes of all operations, and says which of them each one needs. If
// all protected operations have one Security, its usual schemes are those of the document,
// and an operation says only in what it differs.
func (d *document) addSecurity(into map[string]any, ops []operation) {
	var first *Security
	several := false
	schemes := map[string]any{}
	names := map[*Security]map[string]string{} // in the document
	for _, op := range ops {
		s := op.access.security
		if s == nil || len(s.Schemes) == 0 {
			continue
		}
		if first == nil {
			first = s
		}
		several = several || s != first
		if names[s] == nil {
			names[s] = addSchemes(schemes, s)
		}
	}
	if first == nil {
		return
	}
	into["components"].(map[string]any)["securitySchemes"] = schemes
	var usual []any
	if !several {
		usual = requirements(first.usual(), nil, names[first])
		into["security"] = usual
	}
	for _, op := range ops {
		own := requirements(op.access.needs(), op.access.scopes, names[op.access.security])
		if several || !reflect.DeepEqual(own, usual) {
			op.object["security"] = own
		}
	}
}

// addSchemes adds the schemes of s, and returns their names in the document. One that has
// the name of another scheme gets a number.
func addSchemes(to map[string]any, s *Security) map[string]string {
	names := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(s.Schemes)) {
		scheme := s.Schemes[name].describe()
		own := name
		for n := 2; to[own] != nil && !reflect.DeepEqual(to[own], any(scheme)); n++ {
			own = name + strconv.Itoa(n)
		}
		to[own], names[name] = scheme, own
	}
	return names
}

// requirements says in the words of OpenAPI that one of the schemes is needed, with all of
// the scopes. An empty list says that nothing is.
func requirements(needs, scopes []string, names map[string]string) []any {
	all := []any{}
	if scopes == nil {
		scopes = []string{}
	}
	for _, name := range needs {
		all = append(all, map[string]any{names[name]: scopes})
	}
	return all
}

// describe returns the scheme in the words of OpenAPI.
func (s SecurityScheme) describe() map[string]any {
	var all map[string]any
	switch {
	case s.Bearer != "":
		all = map[string]any{"type": "http", "scheme": "bearer", "bearerFormat": s.Bearer}
	case s.Basic:
		all = map[string]any{"type": "http", "scheme": "basic"}
	case s.Header != "":
		all = map[string]any{"type": "apiKey", "in": "header", "name": s.Header}
	case s.Query != "":
		all = map[string]any{"type": "apiKey", "in": "query", "name": s.Query}
	case s.Cookie != "":
		all = map[string]any{"type": "apiKey", "in": "cookie", "name": s.Cookie}
	case s.OpenIDConnect != "":
		all = map[string]any{"type": "openIdConnect", "openIdConnectUrl": s.OpenIDConnect}
	case s.OAuth2 != nil:
		all = map[string]any{"type": "oauth2", "flows": s.OAuth2.flows()}
	default:
		all = map[string]any{"type": "mutualTLS"}
	}
	if s.Description != "" {
		all["description"] = s.Description
	}
	return all
}

// flows returns the one flow of the server.
func (o *OAuth2) flows() map[string]any {
	scopes := o.Scopes
	if scopes == nil {
		scopes = map[string]string{}
	}
	flow := map[string]any{"tokenUrl": o.TokenURL, "scopes": scopes}
	if o.RefreshURL != "" {
		flow["refreshUrl"] = o.RefreshURL
	}
	if o.AuthorizationURL == "" {
		return map[string]any{"clientCredentials": flow}
	}
	flow["authorizationUrl"] = o.AuthorizationURL
	return map[string]any{"authorizationCode": flow}
}
