package rest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestCookiesOfARequest(t *testing.T) {
	type request struct {
		Session string       `cookie:"session" json:"-"`
		Age     *int         `cookie:"age" json:"-"`
		Theme   *http.Cookie `cookie:"theme" json:"-"`
		Lang    http.Cookie  `cookie:"lang" json:"-"`
		Tags    []string     `header:"X-Tag" json:"-"`
	}
	route := rest.Route[*request, endpoint.None]{Pattern: "GET /x"}
	var got *request
	mux := http.NewServeMux()
	route.Handle(mux, func(_ context.Context, r *request) (endpoint.None, error) { got = r; return endpoint.None{}, nil })
	caller, _ := serve(t, mux)
	named := func(name, value string) *http.Cookie { return &http.Cookie{Name: name, Value: value} }
	for _, tt := range []struct{ sent, want request }{
		{request{}, request{}},
		{
			request{"a b,c", new(0), named("", "dark"), *named("lang", "de"), []string{"a", "b"}},
			request{"a b,c", new(0), named("theme", "dark"), *named("lang", "de"), []string{"a", "b"}},
		},
	} {
		if _, err := route.Endpoint(caller)(t.Context(), &tt.sent); err != nil || !reflect.DeepEqual(*got, tt.want) {
			t.Errorf("%+v arrived as %+v (%v)", tt.sent, *got, err)
		}
	}
	for _, sent := range []request{{Session: "a;b"}, {Session: "a\nb"}, {Session: "é"}, {Theme: named("other", "x")}} {
		if _, err := route.Endpoint(caller)(t.Context(), &sent); !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), "cookie ") {
			t.Errorf("%+v is sent: %v", sent, err)
		}
	}
	for cookies, want := range map[string]string{
		"age=old; session=a; session=b": `[{"parameter":"session","in":"cookie","detail":"it is given 2 times"},{"parameter":"age","in":"cookie","detail":"a whole number is expected, not \"old\""}]`,
	} {
		w := ask(mux, "GET", "/x", "", "", "Cookie", cookies)
		if !strings.Contains(w.Body.String(), `"errors":`+want) {
			t.Errorf("%s: %d %s, want %s", cookies, w.Code, w.Body, want)
		}
	}
	parameters := documentOf(t, route).Paths["/x"]["get"].Parameters
	if p := parameters[0]; len(parameters) != 5 || p.Name != "session" || p.In != "cookie" || p.Schema["type"] != "string" {
		t.Errorf("the document has %+v", parameters)
	}
}

func TestAnotherCookieOrHeaderIsAnotherRequestOfAKey(t *testing.T) {
	type request struct {
		Cart string   `cookie:"cart" json:"-"`
		Tags []string `header:"X-Tag" json:"-"`
	}
	mux := http.NewServeMux()
	rest.Route[*request, endpoint.None]{Pattern: "POST /x", Keyed: true}.Handle(known{mux}, func(context.Context, *request) (endpoint.None, error) { return endpoint.None{}, nil })
	post := func(cookie string, tags ...string) string {
		r, _ := http.NewRequestWithContext(t.Context(), "POST", "/x", http.NoBody)
		r.Header = http.Header{"Cookie": {cookie}, "X-Tag": tags, "Idempotency-Key": {"k"}}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code == 204 {
			return ""
		}
		return problemOf(t, w).Reason
	}
	if got := post("cart=1", "a", "b"); got != "" {
		t.Errorf("the first request is refused: %s", got)
	}
	for _, tt := range []struct {
		cookie string
		tags   []string
		want   string
	}{
		{"cart=1", []string{"a", "b"}, ""},
		{"other=x; cart=1", []string{"a", "b"}, ""},
		{"cart=2", []string{"a", "b"}, "key_reused"},
		{"cart=1", []string{"a", "c"}, "key_reused"},
	} {
		if got := post(tt.cookie, tt.tags...); got != tt.want {
			t.Errorf("%s %v: it is refused as %q, want %q", tt.cookie, tt.tags, got, tt.want)
		}
	}
}

// known is a mux whose requests come from one subject.
type known struct{ *http.ServeMux }

func (known) Subject(*http.Request) string { return "ann" }
