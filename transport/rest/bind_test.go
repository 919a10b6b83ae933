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
		"common": func() { rest.Route[*named, rest.None]{Pattern: "POST /x"}.Endpoint(rest.At("", nil)) },
		"left":   func() { rest.Route[*left, rest.None]{Pattern: "POST /x"}.Endpoint(rest.At("", nil)) },
		"":       func() { rest.Route[*Self, rest.None]{Pattern: "POST /x"}.Endpoint(rest.At("http://10.0.0.1", nil)) },
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
