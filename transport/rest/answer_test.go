package rest_test

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// created is an answer with a field of each form that travels in a header.
type created struct {
	ETag     string       `header:"ETag" json:"-"`
	Location *string      `header:"Location" json:"-"`
	Left     int          `header:"X-Left" json:"-"`
	Links    []string     `header:"Link" json:"-"`
	Sizes    []int        `header:"X-Size" json:"-"`
	Until    time.Time    `header:"X-Until" json:"-"`
	Session  *http.Cookie `cookie:"session" json:"-"`
	Theme    http.Cookie  `cookie:"theme" json:"-"`
	Tenant   string       `header:"X-Tenant" json:"tenant"`
	Name     string       `json:"name"`
}

func TestTheHeaderOfAnAnswerArrivesAtTheCaller(t *testing.T) {
	var next *created
	value := rest.Route[endpoint.None, created]{Pattern: "GET /value"}
	pointer := rest.Route[endpoint.None, *created]{Pattern: "GET /pointer"}
	mux := http.NewServeMux()
	value.Handle(mux, func(context.Context, endpoint.None) (created, error) { return *next, nil })
	pointer.Handle(mux, func(context.Context, endpoint.None) (*created, error) { return next, nil })
	direct, _ := serve(t, mux)
	gateway := http.NewServeMux()
	value.Forward(gateway, direct)
	pointer.Forward(gateway, direct)
	forwarded, _ := serve(t, gateway)
	text := rapid.StringMatching(`([!-~é]([ -~é]{0,8}[!-~é])?)?`)
	cookie := rapid.Custom(func(t *rapid.T) *http.Cookie {
		return &http.Cookie{
			Value: rapid.StringMatching(`[a-zA-Z0-9=/+]{1,8}`).Draw(t, "value"), Path: rapid.SampledFrom([]string{"", "/", "/a"}).Draw(t, "path"),
			MaxAge: rapid.SampledFrom([]int{-1, 0, 60}).Draw(t, "max age"), HttpOnly: rapid.Bool().Draw(t, "http only"), Secure: rapid.Bool().Draw(t, "secure"),
			SameSite: rapid.SampledFrom([]http.SameSite{0, http.SameSiteLaxMode, http.SameSiteStrictMode}).Draw(t, "same site"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		sent := created{
			ETag: text.Draw(t, "etag"), Left: rapid.Int().Draw(t, "left"), Links: rapid.SliceOfN(text, 0, 3).Draw(t, "links"), Sizes: rapid.SliceOfN(rapid.Int(), 0, 3).Draw(t, "sizes"),
			Tenant: text.Draw(t, "tenant"), Name: rapid.String().Draw(t, "name"),
		}
		if rapid.Bool().Draw(t, "located") {
			sent.Location = new(text.Draw(t, "location"))
		}
		if rapid.Bool().Draw(t, "until") {
			sent.Until = time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "seconds"), 0).UTC()
		}
		if rapid.Bool().Draw(t, "session") {
			sent.Session = cookie.Draw(t, "session")
		}
		if rapid.Bool().Draw(t, "theme") {
			sent.Theme = *cookie.Draw(t, "theme")
		}
		next = &sent
		want := withoutRaw(sent)
		for name, caller := range map[string]call.Caller{"direct": direct, "forwarded": forwarded} {
			if got, err := value.Endpoint(caller)(t.Context(), endpoint.None{}); err != nil || !reflect.DeepEqual(withoutRaw(got), want) {
				t.Fatalf("%s: a value is %+v, want %+v (%v)", name, withoutRaw(got), want, err)
			}
			if got, err := pointer.Endpoint(caller)(t.Context(), endpoint.None{}); err != nil || !reflect.DeepEqual(withoutRaw(*got), want) {
				t.Fatalf("%s: a pointer is %+v, want %+v (%v)", name, withoutRaw(*got), want, err)
			}
		}
	})
}

// withoutRaw returns an answer as the caller sees it: cookies have the names of their
// fields, but not the line that they arrived in; an empty list is none.
func withoutRaw(c created) created {
	if c.Session != nil {
		c.Session = new(*c.Session)
		c.Session.Name, c.Session.Raw = "session", ""
	}
	if c.Theme.Value != "" {
		c.Theme.Name, c.Theme.Raw = "theme", ""
	}
	if len(c.Links) == 0 {
		c.Links = nil
	}
	if len(c.Sizes) == 0 {
		c.Sizes = nil
	}
	return c
}

func TestTheHeaderOfAnAnswerIsWrittenFromItsFields(t *testing.T) {
	mux := http.NewServeMux()
	rest.Route[endpoint.None, *created]{Pattern: "POST /full", Status: 201}.Handle(mux, func(context.Context, endpoint.None) (*created, error) {
		return &created{
			ETag: `"v1"`, Location: new("/orders/7"), Links: []string{"</a>", "</b>"}, Tenant: "t", Name: "n",
			Session: &http.Cookie{Value: "s", HttpOnly: true, MaxAge: 60}, Theme: http.Cookie{Name: "theme", Value: "dark"},
		}, nil
	})
	rest.Route[endpoint.None, *created]{Pattern: "POST /empty"}.Handle(mux, func(context.Context, endpoint.None) (*created, error) { return &created{}, nil })
	w := ask(mux, "POST", "/full", "", "")
	got := fmt.Sprintf("%d %q %q %q %q %q %q %s", w.Code, w.Header()["Etag"], w.Header()["Location"], w.Header()["Link"], w.Header()["X-Left"], w.Header()["X-Tenant"], w.Header()["Set-Cookie"], w.Body)
	const want = `201 ["\"v1\""] ["/orders/7"] ["</a>" "</b>"] [] ["t"] ["session=s; Max-Age=60; HttpOnly" "theme=dark"] {"tenant":"t","name":"n"}`
	if got != want {
		t.Errorf("it is\n%s, want\n%s", got, want)
	}
	if w := ask(mux, "POST", "/empty", "", ""); len(w.Header()) != 1 || w.Body.String() != `{"tenant":"","name":""}` {
		t.Errorf("zero fields are not absent: %v %s", w.Header(), w.Body)
	}
}

func TestAMiddlewaresCookiesStayBesideThoseOfAnAnswer(t *testing.T) {
	mux := http.NewServeMux()
	rest.Route[endpoint.None, *created]{Pattern: "GET /x"}.Handle(mux, func(context.Context, endpoint.None) (*created, error) {
		return &created{Theme: http.Cookie{Value: "dark"}}, nil
	})
	w := ask(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "csrf", Value: "c"})
		mux.ServeHTTP(w, r)
	}), "GET", "/x", "", "")
	if got := fmt.Sprint(w.Header()["Set-Cookie"]); got != "[csrf=c theme=dark]" {
		t.Errorf("the cookies are %s", got)
	}
}

func TestTheHeaderTakesPrecedenceOverTheBodyOfAnAnswer(t *testing.T) {
	var tenant string
	caller, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if tenant != "" {
			w.Header().Set("X-Tenant", tenant)
		}
		_, _ = w.Write([]byte(`{"tenant":"of the body","name":"n"}`))
	}))
	for _, tenant = range []string{"of the header", ""} {
		got, err := rest.Route[endpoint.None, *created]{Pattern: "GET /x"}.Endpoint(caller)(t.Context(), endpoint.None{})
		if err != nil || got.Tenant != tenant || got.Name != "n" {
			t.Errorf("it is %+v, want the tenant %q (%v)", got, tenant, err)
		}
	}
}

// version is an answer without a body.
type version struct {
	ETag string `header:"ETag" json:"-"`
}

func TestAnAnswerOfHeadersAloneHasNoBody(t *testing.T) {
	for _, tt := range []struct {
		route  rest.Route[endpoint.None, *version]
		status int
	}{
		{rest.Route[endpoint.None, *version]{Pattern: "HEAD /x"}, 204},
		{rest.Route[endpoint.None, *version]{Pattern: "GET /x"}, 204},
		{rest.Route[endpoint.None, *version]{Pattern: "POST /x", Status: 201, Keyed: true}, 201},
	} {
		answered := &version{`"v1"`}
		mux := http.NewServeMux()
		tt.route.Handle(mux, func(context.Context, endpoint.None) (*version, error) { return answered, nil })
		method, _, _ := strings.Cut(tt.route.Pattern, " ")
		if w := ask(mux, method, "/x", "", ""); w.Code != tt.status || w.Body.Len() != 0 || w.Header().Get("Content-Type") != "" {
			t.Errorf("%s: %d %v %q", tt.route.Pattern, w.Code, w.Header(), w.Body)
		}
		caller, _ := serve(t, mux)
		if got, err := tt.route.Endpoint(caller)(t.Context(), endpoint.None{}); err != nil || got.ETag != `"v1"` {
			t.Errorf("%s: the caller got %+v, %v", tt.route.Pattern, got, err)
		}
		answered = nil
		if _, err := tt.route.Endpoint(caller)(t.Context(), endpoint.None{}); fault.CodeOf(err) != fault.Internal {
			t.Errorf("%s: nil is answered as %v", tt.route.Pattern, err)
		}
	}
}

func TestAHeaderThatCannotBeSentIsTheHandlersFailure(t *testing.T) {
	var next *created
	mux := &logged{ServeMux: http.NewServeMux()}
	rest.Route[endpoint.None, *created]{Pattern: "GET /x"}.Handle(mux, func(context.Context, endpoint.None) (*created, error) { return next, nil })
	for _, tt := range []struct {
		want string
		next created
	}{
		{"header Location: it has a character that no header may have", created{Location: new("/a\r\nSet-Cookie: x=y")}},
		{"header Link: it has a character", created{Links: []string{"a", "\x00"}}},
		{`cookie session: the cookie is named \"other\"`, created{Session: &http.Cookie{Name: "other", Value: "x"}}},
		{"cookie session: ", created{Session: &http.Cookie{Value: "a;b"}}},
		{"cookie theme: ", created{Theme: http.Cookie{Value: "x", Path: "/\r\n"}}},
	} {
		mux.buffer.Reset()
		next = &tt.next
		w := ask(mux, "GET", "/x", "", "")
		if w.Code != 500 || w.Header()["Set-Cookie"] != nil || w.Header()["Location"] != nil || !strings.Contains(mux.buffer.String(), strings.ReplaceAll(tt.want, `"`, `\"`)) && !strings.Contains(mux.buffer.String(), tt.want) {
			t.Errorf("want a failure with %s: %d %v, and in the log %s", tt.want, w.Code, w.Header(), &mux.buffer)
		}
	}
}

func TestAHeaderThatCannotBeReadIsTheCalleesFailure(t *testing.T) {
	for want, header := range map[string]http.Header{
		"header X-Left: a whole number is expected": {"X-Left": {"many"}},
		"header Etag: it is given 2 times":          {"Etag": {"a", "b"}},
		"cookie session: it is given 2 times":       {"Set-Cookie": {"session=a", "session=b"}},
		"header X-Size: a whole number":             {"X-Size": {"1", "2, 3"}},
	} {
		caller, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for name, values := range header {
				w.Header()[name] = values
			}
			_, _ = w.Write([]byte(`{}`))
		}))
		_, err := rest.Route[endpoint.None, *created]{Pattern: "GET /x"}.Endpoint(caller)(t.Context(), endpoint.None{})
		if fault.CodeOf(err) != fault.Internal || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", header, err, want)
		}
	}
}

func TestTheDocumentHasTheHeadersOfAnAnswer(t *testing.T) {
	doc := documentOf(t, rest.Route[endpoint.None, *created]{Pattern: "GET /x"}, rest.Route[endpoint.None, *version]{Pattern: "GET /y"})
	got := doc.Paths["/x"]["get"].Responses["200"].Headers
	if len(got) != 8 || got["X-Left"].Schema["type"] != "integer" || got["Link"].Schema["type"] != "array" || got["Set-Cookie"].Schema["type"] != "string" || got["X-Tenant"].Schema == nil {
		t.Errorf("the headers are %+v", got)
	}
	if s := string(doc.Components.Schemas["created"]); s != `{"properties":{"name":{"type":"string"},"tenant":{"type":"string"}},"required":["tenant","name"],"type":"object"}` {
		t.Errorf("the body is %s", s)
	}
	if answer := doc.Paths["/y"]["get"].Responses["204"]; answer.Content != nil || answer.Headers["Etag"].Schema == nil {
		t.Errorf("an answer without a body is %+v", answer)
	}
}

func FuzzAnswerHeader(f *testing.F) {
	f.Add("1", "session=s; Path=/; HttpOnly", "</a>")
	f.Add("-", "session=; Expires=never; Domain=.", "\xff")
	f.Add("", "session=\"a b\"; Max-Age=x; Partitioned", "")
	var header http.Header
	answering := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
		_, _ = w.Write([]byte(`{}`))
	})
	call := rest.Route[endpoint.None, *created]{Pattern: "GET /x"}.Endpoint(rest.Remote("http://10.0.0.1", &http.Client{Transport: inProcess{answering}}))
	f.Fuzz(func(t *testing.T, left, cookie, link string) {
		header = http.Header{"X-Left": {left}, "Set-Cookie": {cookie}, "Link": {link, link}}
		got, err := call(t.Context(), endpoint.None{})
		if err != nil && fault.CodeOf(err) != fault.Internal || err == nil && (len(got.Links) != 2 || got.Session != nil && got.Session.Name != "session") {
			t.Errorf("%q became %+v, %v", header, got, err)
		}
	})
}
