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

func TestAnAnswerWithAHeaderFieldIsRefused(t *testing.T) {
	type tagged struct {
		ETag string `header:"ETag" json:"-"`
		N    int    `json:"n"`
	}
	type inBody struct {
		ETag string `header:"ETag"`
	}
	type around struct{ common }
	type shared struct {
		Tenant string `header:"X-Tenant" json:"tenant"`
	}
	type lost struct {
		Tenant string `header:"X-Tenant" json:"-"`
	}
	type path struct {
		ID string `path:"id" json:"id"`
	}
	nowhere := rest.Remote("http://10.0.0.1", nil)
	for _, tt := range []struct {
		name  string
		want  string
		route func() rest.Forwarder
	}{
		{name: "tagged", want: "ETag", route: func() rest.Forwarder { return rest.Route[endpoint.None, *tagged]{Pattern: "GET /x"} }},
		{name: "a value", want: "ETag", route: func() rest.Forwarder { return rest.Route[endpoint.None, tagged]{Pattern: "GET /x"} }},
		{name: "in the body", want: "ETag", route: func() rest.Forwarder { return rest.Route[endpoint.None, *inBody]{Pattern: "GET /x"} }},
		{name: "embedded", want: "Tenant", route: func() rest.Forwarder { return rest.Route[endpoint.None, *around]{Pattern: "GET /x"} }},
		{name: "the request, lost", want: "Tenant", route: func() rest.Forwarder { return rest.Route[*lost, *lost]{Pattern: "POST /x"} }},
		{name: "the request", want: "", route: func() rest.Forwarder { return rest.Route[*shared, *shared]{Pattern: "POST /x"} }},
		{name: "a path", want: "", route: func() rest.Forwarder { return rest.Route[endpoint.None, *path]{Pattern: "GET /x"} }},
	} {
		func() {
			defer func() {
				text, _ := recover().(string)
				if !strings.Contains(text, tt.want) || (tt.want == "") != (text == "") {
					t.Errorf("%s: want %q in %q", tt.name, tt.want, text)
				}
			}()
			tt.route().Forward(http.NewServeMux(), nowhere)
		}()
	}
}
