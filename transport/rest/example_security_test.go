package rest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// userKey is where the context has who calls.
type userKey struct{}

// verify stands for a verifier of JSON Web Tokens.
func verify(r *http.Request, token string, scopes []string) (context.Context, error) {
	allowed, known := map[string][]string{"ann's": {"orders:read", "orders:write"}, "bob's": {"orders:read"}}[token]
	if !known {
		return nil, fault.Unauthenticated.Errorf("the token is not valid")
	}
	for _, scope := range scopes {
		if !slices.Contains(allowed, scope) {
			return nil, fault.PermissionDenied.Errorf("the token does not allow %s", scope)
		}
	}
	return context.WithValue(r.Context(), userKey{}, token), nil
}

func ExampleSecurity() {
	security := &rest.Security{Schemes: map[string]rest.SecurityScheme{
		"token": {Bearer: "JWT", Check: verify},
	}}
	mux := security.Mux(http.DefaultServeMux) // of a sinew.Service: Config{Security: security}

	answer := func(context.Context, endpoint.None) (endpoint.None, error) { return endpoint.None{}, nil }
	rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /prices", Public: true}.Handle(mux, answer)
	rest.Route[endpoint.None, endpoint.None]{Pattern: "POST /orders", Scopes: []string{"orders:write"}}.Handle(mux, answer)

	for _, token := range []string{"", "wrong", "bob's", "ann's"} {
		prices := ask(http.DefaultServeMux, "GET", "/prices", "", "")
		order := ask(http.DefaultServeMux, "POST", "/orders", "", "", "Authorization", "Bearer "+token)
		fmt.Printf("%d %d %q\n", prices.Code, order.Code, order.Header().Get("WWW-Authenticate"))
	}

	handlers := &listing{ServeMux: http.NewServeMux()}
	rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /prices", Public: true}.Handle(security.Mux(handlers), answer)
	document := rest.OpenAPI("shop", "1.0.0", handlers.handlers...)
	text, _ := json.Marshal([]any{document["components"].(map[string]any)["securitySchemes"], document["security"]})
	fmt.Println(string(text))
	// Output:
	// 204 401 "Bearer"
	// 204 401 "Bearer"
	// 204 403 ""
	// 204 204 ""
	// [{"token":{"bearerFormat":"JWT","scheme":"bearer","type":"http"}},[{"token":[]}]]
}
