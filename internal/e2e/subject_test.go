package e2e_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestKeysBelongToTheSubjectOfConfigSubject(t *testing.T) {
	type user struct{}
	var subjects []string
	svc := sinew.New("till", servicetest.Local(sinew.Config{Subject: func(r *http.Request) string {
		name, _ := r.Context().Value(user{}).(string)
		return name
	}}))
	t.Cleanup(func() { _ = svc.Shutdown(context.Background()) })
	svc.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			name, _, _ := strings.Cut(r.Header.Get("Authorization"), ".")
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), user{}, name)))
		})
	})
	rest.Route[endpoint.None, endpoint.None]{Pattern: "POST /pay", Keyed: true}.Handle(svc, func(ctx context.Context, _ endpoint.None) (endpoint.None, error) {
		subjects = append(subjects, call.Of(ctx).Subject)
		return endpoint.None{}, nil
	})
	for _, token := range []string{"ann.1", "ann.2", "bob.1", "ann.3", ""} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/pay", nil)
		r.Header.Set("Authorization", token)
		r.Header.Set("Idempotency-Key", "k")
		w := httptest.NewRecorder()
		svc.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusNoContent {
			t.Errorf("%q: %d %s", token, w.Code, w.Body)
		}
	}
	if got := strings.Join(subjects, ","); got != "ann,bob," {
		t.Errorf("it ran for %q", got)
	}
}
