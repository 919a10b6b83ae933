package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/transport/rest"
)

type common struct {
	Tenant string `header:"X-Tenant"`
}

type Common struct{ common }

func TestATaggedFieldThatWouldNotBeBoundIsRefusedByName(t *testing.T) {
	type pointer struct {
		*Common
		Quantity int `json:"quantity"`
	}
	type named struct {
		common `json:"common"`
	}
	type left struct {
		common   `json:"-"`
		Quantity int `json:"quantity"`
	}
	type Self struct {
		*Self
		Quantity int `json:"quantity"`
	}
	for _, c := range []struct {
		want      string
		construct func()
	}{
		{want: "Common", construct: func() { rest.Route[*pointer, endpoint.None]{Pattern: "POST /x"}.Handle(http.NewServeMux(), nil) }},
		{want: "common", construct: func() { rest.Route[*named, endpoint.None]{Pattern: "POST /x"}.Endpoint(rest.Remote("", nil)) }},
		{want: "left", construct: func() { rest.Route[*left, endpoint.None]{Pattern: "POST /x"}.Endpoint(rest.Remote("", nil)) }},
		{want: "", construct: func() {
			rest.Route[*Self, endpoint.None]{Pattern: "POST /x"}.Endpoint(rest.Remote("http://10.0.0.1", nil))
		}},
	} {
		func() {
			defer func() {
				text, _ := recover().(string)
				if !strings.Contains(text, c.want) || (c.want == "") != (text == "") {
					t.Errorf("want %q in %q", c.want, text)
				}
			}()
			c.construct()
		}()
	}
}

func TestAFieldOfAnAnswerThatCannotTravelIsRefusedByName(t *testing.T) {
	type pointer struct {
		*Common
		N int `json:"n"`
	}
	type length struct {
		Length int `header:"content-length" json:"-"`
	}
	type hop struct {
		Trailer string `header:"Trailer" json:"-"`
	}
	type raw struct {
		Cookies []string `header:"Set-Cookie" json:"-"`
	}
	type plain struct {
		Session string `cookie:"session" json:"-"`
	}
	type misnamed struct {
		Session *http.Cookie `cookie:"a b" json:"-"`
	}
	type odd struct {
		Odd map[string]int `header:"X-Odd" json:"-"`
	}
	type twice struct {
		A string `header:"X-A" json:"-"`
		B string `header:"x-a" json:"-"`
	}
	type both struct {
		A string `header:"X-A" cookie:"a" json:"-"`
	}
	type allowed struct {
		common
		ID     string       `path:"id" json:"id"`
		ETag   string       `header:"ETag"`
		Link   []string     `header:"Link" json:"-"`
		Theme  http.Cookie  `cookie:"theme" json:"-"`
		Tenant *http.Cookie `cookie:"tenant" json:"-"`
	}
	nowhere := rest.Remote("http://10.0.0.1", nil)
	for _, tt := range []struct {
		want  string
		route rest.Forwarder
	}{
		{"Common", rest.Route[endpoint.None, *pointer]{Pattern: "GET /x"}},
		{"Length", rest.Route[endpoint.None, *length]{Pattern: "GET /x"}},
		{"Trailer", rest.Route[endpoint.None, hop]{Pattern: "GET /x"}},
		{"Cookies", rest.Route[endpoint.None, *raw]{Pattern: "GET /x"}},
		{"*http.Cookie", rest.Route[endpoint.None, *plain]{Pattern: "GET /x"}},
		{"a b", rest.Route[endpoint.None, *misnamed]{Pattern: "GET /x"}},
		{"Odd", rest.Route[endpoint.None, *odd]{Pattern: "GET /x"}},
		{"x-a", rest.Route[endpoint.None, *twice]{Pattern: "GET /x"}},
		{"choose one", rest.Route[endpoint.None, *both]{Pattern: "GET /x"}},
		{"", rest.Route[endpoint.None, *allowed]{Pattern: "GET /x"}},
		{"", rest.Route[endpoint.None, allowed]{Pattern: "GET /x"}},
	} {
		func() {
			defer func() {
				text, _ := recover().(string)
				if !strings.Contains(text, tt.want) || (tt.want == "") != (text == "") {
					t.Errorf("want %q in %q", tt.want, text)
				}
			}()
			tt.route.Forward(http.NewServeMux(), nowhere)
		}()
	}
}
