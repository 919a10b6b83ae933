package rest_test

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// listing of orders has a default for each kind of value.
type orderList struct {
	Limit  int           `query:"limit" default:"20" json:"-"`
	Most   *uint8        `query:"most" default:"7" json:"-"`
	Share  float32       `query:"share" default:"0.1" json:"-"`
	Closed *bool         `query:"closed" default:"true" json:"-"`
	Within time.Duration `query:"within" default:"1h" json:"-"`
	Shade  shade         `query:"shade" default:"dark" json:"-"`
	Shades []shade       `query:"or" json:"-"`
	Lang   string        `header:"X-Lang" default:"de" json:"-"`
	Theme  *shade        `cookie:"theme" default:"light" json:"-"`
	From   *netip.Addr   `query:"from" default:"::1" json:"-"`
	Next   *url.URL      `query:"next" default:"/orders?page=2" json:"-"`
	Plain  string        `query:"plain" json:"-"`
}

func TestAnAbsentParameterHasItsDefault(t *testing.T) {
	var got *orderList
	mux := http.NewServeMux()
	rest.Route[*orderList, endpoint.None]{Pattern: "GET /x"}.Handle(mux, func(_ context.Context, r *orderList) (endpoint.None, error) { got = r; return endpoint.None{}, nil })
	address, next := netip.MustParseAddr("::1"), &url.URL{Path: "/orders", RawQuery: "page=2"}
	defaults := orderList{20, new(uint8(7)), 0.1, new(true), time.Hour, "dark", nil, "de", new(shade("light")), &address, next, ""}
	if w := ask(mux, "GET", "/x", "", ""); w.Code != 204 || !reflect.DeepEqual(*got, defaults) {
		t.Errorf("nothing is given: %d %+v, want %+v", w.Code, got, defaults)
	}
	given := orderList{0, new(uint8(0)), 0, new(false), 0, "light", []shade{"dark", "light"}, "", new(shade("dark")), new(netip.MustParseAddr("10.0.0.1")), &url.URL{Host: "a", Scheme: "http"}, "x"}
	w := ask(mux, "GET", "/x?limit=0&most=0&share=0&closed=false&within=0s&shade=light&or=dark&or=light&from=10.0.0.1&next=http://a&plain=x", "", "", "X-Lang", "", "Cookie", "theme=dark")
	if w.Code != 204 || !reflect.DeepEqual(*got, given) {
		t.Errorf("all is given: %d %+v, want %+v", w.Code, got, given)
	}
	ask(mux, "GET", "/x", "", "")
	*got.Most, got.Next.Path = 9, "/theirs"
	if ask(mux, "GET", "/x", "", ""); *got.Most != 7 || got.Next.Path != "/orders" {
		t.Errorf("a handler has changed the defaults of the next request: %d %s", *got.Most, got.Next)
	}
}

func TestACallerMayLeaveDefaultsToTheCallee(t *testing.T) {
	var got *orderList
	route := rest.Route[*orderList, endpoint.None]{Pattern: "GET /x"}
	mux := http.NewServeMux()
	route.Handle(mux, func(_ context.Context, r *orderList) (endpoint.None, error) { got = r; return endpoint.None{}, nil })
	caller, _ := serve(t, mux)
	if _, err := route.Endpoint(caller)(t.Context(), &orderList{Most: new(uint8(0)), Plain: "x"}); err != nil || got.Limit != 20 || *got.Most != 0 || got.Plain != "x" {
		t.Errorf("it arrives as %+v (%v): want the default of what is zero, and what a pointer points to", got, err)
	}
}

func TestAParameterOutsideOfItsListIsRefusedNamingTheList(t *testing.T) {
	mux := http.NewServeMux()
	rest.Route[*orderList, endpoint.None]{Pattern: "GET /x"}.Handle(mux, func(context.Context, *orderList) (endpoint.None, error) { return endpoint.None{}, nil })
	const detail = "one of light, dark is expected, not "
	for _, tt := range []struct {
		target, cookie string
		want           []fault.Violation
	}{
		{"/x?shade=red", "theme=Dark", []fault.Violation{{Parameter: "shade", In: "query", Detail: detail + `"red"`}, {Parameter: "theme", In: "cookie", Detail: detail + `"Dark"`}}},
		{"/x?shade=", "", []fault.Violation{{Parameter: "shade", In: "query", Detail: detail + `""`}}},
		{"/x?or=dark&or=red", "", []fault.Violation{{Parameter: "or", In: "query", Detail: detail + `"red"`}}},
	} {
		w := ask(mux, "GET", tt.target, "", "", "Cookie", tt.cookie)
		if got := problemOf(t, w).Errors; !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.target, got, tt.want)
		}
	}
}

// anyShade lists its values, and accepts others.
type anyShade string

func (anyShade) Enum() []string { return []string{"light", "dark"} }

func (s *anyShade) UnmarshalText(text []byte) error {
	*s = anyShade(strings.ToLower(string(text)))
	return nil
}

func TestATypeWithUnmarshalTextDecidesAboutItsValues(t *testing.T) {
	type request struct {
		Shade anyShade `query:"shade" json:"-"`
	}
	var got *request
	mux := http.NewServeMux()
	rest.Route[*request, endpoint.None]{Pattern: "GET /x"}.Handle(mux, func(_ context.Context, r *request) (endpoint.None, error) { got = r; return endpoint.None{}, nil })
	if w := ask(mux, "GET", "/x?shade=DARK", "", ""); w.Code != 204 || got.Shade != "dark" {
		t.Errorf("%d %+v", w.Code, got)
	}
}

func TestADefaultThatNoParameterCanHaveIsRefusedByItsField(t *testing.T) {
	type number struct {
		Limit int `query:"limit" default:"many" json:"-"`
	}
	type listed struct {
		Shade *shade `query:"shade" default:"red" json:"-"`
	}
	type inPath struct {
		ID string `path:"id" default:"1" json:"-"`
	}
	type list struct {
		Tags []string `query:"tag" default:"a,b" json:"-"`
	}
	type cookie struct {
		Session *http.Cookie `cookie:"session" default:"x" json:"-"`
	}
	nowhere := rest.Remote("http://10.0.0.1", nil)
	for want, route := range map[string]rest.Forwarder{
		`Limit of rest_test.number has the default "many": a whole number`: rest.Route[*number, endpoint.None]{Pattern: "GET /x"},
		`has the default "red": one of light, dark`:                        rest.Route[*listed, endpoint.None]{Pattern: "GET /x"},
		"ID of":      rest.Route[*inPath, endpoint.None]{Pattern: "GET /{id}"},
		"Tags of":    rest.Route[*list, endpoint.None]{Pattern: "GET /x"},
		"Session of": rest.Route[*cookie, endpoint.None]{Pattern: "GET /x"},
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.Contains(text, want) {
					t.Errorf("want %q in %q", want, text)
				}
			}()
			route.Forward(http.NewServeMux(), nowhere)
		}()
	}
}

func TestTheDocumentHasDefaultsAndLists(t *testing.T) {
	got := map[string]map[string]any{}
	for _, p := range documentOf(t, rest.Route[*orderList, endpoint.None]{Pattern: "GET /x"}).Paths["/x"]["get"].Parameters {
		got[p.Name] = p.Schema
	}
	for name, want := range map[string]any{
		"limit": 20.0, "most": 7.0, "share": 0.1, "closed": true, "within": "1h", "shade": "dark", "X-Lang": "de", "theme": "light", "from": "::1", "next": "/orders?page=2", "plain": nil, "or": nil,
	} {
		if got[name]["default"] != want {
			t.Errorf("the default of %s is %v, want %v", name, got[name]["default"], want)
		}
	}
	if enum, _ := got["theme"]["enum"].([]any); len(enum) != 2 || got["next"]["format"] != "uri-reference" {
		t.Errorf("theme is %v, next is %v", got["theme"], got["next"])
	}
}

func TestAddressesAndURLsTravelAnywhere(t *testing.T) {
	type request struct {
		Path    *url.URL     `path:"url" json:"-"`
		IP      netip.Addr   `path:"ip" json:"-"`
		Query   url.URL      `query:"url" json:"-"`
		Queries []*url.URL   `query:"more" json:"-"`
		IPs     []netip.Addr `query:"ip" json:"-"`
		Header  *url.URL     `header:"X-Url" json:"-"`
		From    *netip.Addr  `header:"X-From" json:"-"`
		Cookie  netip.Addr   `cookie:"ip" json:"-"`
	}
	type answer struct {
		Location *url.URL   `header:"Location" json:"-"`
		From     netip.Addr `header:"X-From" json:"-"`
	}
	var got *request
	route := rest.Route[*request, *answer]{Pattern: "GET /x/{url}/{ip}"}
	mux := http.NewServeMux()
	route.Handle(mux, func(_ context.Context, r *request) (*answer, error) { got = r; return &answer{r.Header, r.IP}, nil })
	caller, _ := serve(t, mux)
	urls := rapid.Custom(func(t *rapid.T) *url.URL {
		u, err := url.Parse(rapid.StringMatching(`(https?://([a-z]:p@)?[a-z]{1,3}(:[0-9]{2})?)?/[a-zA-Z0-9/%2F._~é-]{0,9}(\?[a-z]=[%20a-z&/]{0,4})?(#[a-z]?)?`).Draw(t, "url"))
		if err == nil {
			u, err = url.Parse(u.String()) // in the form that travels
		}
		if err != nil || u.String() == "" || u.String() == "/" { // no text, or no segment of a path
			return &url.URL{Path: "/a"}
		}
		return u
	})
	ips := rapid.Custom(func(t *rapid.T) netip.Addr {
		ip, _ := netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "ip"))
		if rapid.Bool().Draw(t, "six") {
			ip = netip.AddrFrom16(ip.As16())
		}
		return ip
	})
	rapid.Check(t, func(t *rapid.T) {
		sent := request{
			Path: urls.Draw(t, "path"), IP: ips.Draw(t, "ip"), Query: *urls.Draw(t, "query"), Queries: rapid.SliceOfN(urls, 1, 3).Draw(t, "queries"),
			IPs: rapid.SliceOfN(ips, 1, 3).Draw(t, "ips"), Cookie: ips.Draw(t, "cookie"),
		}
		if rapid.Bool().Draw(t, "header") {
			sent.Header, sent.From = urls.Draw(t, "header"), new(ips.Draw(t, "from"))
		}
		answered, err := route.Endpoint(caller)(t.Context(), &sent)
		if err != nil || !reflect.DeepEqual(*got, sent) {
			t.Fatalf("%+v arrives as %+v (%v)", sent, got, err)
		}
		if !reflect.DeepEqual(answered.Location, sent.Header) || answered.From != sent.IP {
			t.Fatalf("the answer is %+v, want %v and %v", answered, sent.Header, sent.IP)
		}
	})
	if _, err := route.Endpoint(caller)(t.Context(), &request{IP: netip.MustParseAddr("::1")}); fault.CodeOf(err) != fault.InvalidArgument || !strings.Contains(err.Error(), "path variable url is empty") {
		t.Errorf("a path without a URL: %v", err)
	}
	w := ask(mux, "GET", "/x/%3A%2F%2F/one?url=%25zz&more=a%01&ip=1.2.3&ip=::1", "", "", "X-Url", "http://[", "X-From", "x")
	if p := problemOf(t, w); len(p.Errors) != 7 || p.Errors[0].Detail != `a URL such as https://example.org/a?b=c is expected, not "://"` ||
		p.Errors[1].Detail != `an IP address such as 192.0.2.1 or 2001:db8::1 is expected, not "one"` {
		t.Errorf("%d faults: %+v", len(p.Errors), p.Errors)
	}
}
