package rest_test

import (
	"net/http"
	"strings"
	"testing"

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
	for want, construct := range map[string]func(){
		"Common": func() { rest.Route[*pointer, rest.None]{Pattern: "POST /x"}.Handle(http.NewServeMux(), nil) },
		"common": func() { rest.Route[*named, rest.None]{Pattern: "POST /x"}.Endpoint(rest.Remote("", nil)) },
		"left":   func() { rest.Route[*left, rest.None]{Pattern: "POST /x"}.Endpoint(rest.Remote("", nil)) },
		"":       func() { rest.Route[*Self, rest.None]{Pattern: "POST /x"}.Endpoint(rest.Remote("http://10.0.0.1", nil)) },
	} {
		func() {
			defer func() {
				text, _ := recover().(string)
				if !strings.Contains(text, want) || (want == "") != (text == "") {
					t.Errorf("want %q in %q", want, text)
				}
			}()
			construct()
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
	for name, tt := range map[string]struct {
		want  string
		route func() rest.Forwarder
	}{
		"tagged":            {"ETag", func() rest.Forwarder { return rest.Route[rest.None, *tagged]{Pattern: "GET /x"} }},
		"a value":           {"ETag", func() rest.Forwarder { return rest.Route[rest.None, tagged]{Pattern: "GET /x"} }},
		"in the body":       {"ETag", func() rest.Forwarder { return rest.Route[rest.None, *inBody]{Pattern: "GET /x"} }},
		"embedded":          {"Tenant", func() rest.Forwarder { return rest.Route[rest.None, *around]{Pattern: "GET /x"} }},
		"the request, lost": {"Tenant", func() rest.Forwarder { return rest.Route[*lost, *lost]{Pattern: "POST /x"} }},
		"the request":       {"", func() rest.Forwarder { return rest.Route[*shared, *shared]{Pattern: "POST /x"} }},
		"a path":            {"", func() rest.Forwarder { return rest.Route[rest.None, *path]{Pattern: "GET /x"} }},
	} {
		func() {
			defer func() {
				text, _ := recover().(string)
				if !strings.Contains(text, tt.want) || (tt.want == "") != (text == "") {
					t.Errorf("%s: want %q in %q", name, tt.want, text)
				}
			}()
			tt.route().Forward(http.NewServeMux(), nowhere)
		}()
	}
}
