package e2e_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/transport/rest"
	"github.com/sinew-go/sinew/transport/rest/resttest"
)

type price struct {
	ID    string `path:"id" json:"-"`
	Price int    `json:"price"`
}

func TestTwoVersionsOfARouteAreOperationsOfTheirOwnOnBothEnds(t *testing.T) {
	set := rest.Route[*price, *price]{Pattern: "PUT /prices/{id}"}
	svc := servicetest.New(t, sinew.Config{})
	refusing := func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			rest.WriteError(w, fault.Unimplemented.Errorf("v1 has ended; call v2"))
		})
	}
	for version, mws := range map[rest.Prefix][]func(http.Handler) http.Handler{"/v1": {refusing}, "/v2": nil} {
		set.Handle(version.Mux(svc, mws...), func(_ context.Context, p *price) (*price, error) { return p, nil })
	}
	var network resttest.Network
	defer network.Close()
	network.Serve("price", svc.Handler())
	shop := servicetest.New(t, sinew.Config{Transport: &network, Static: network.Addresses()})

	for version, want := range map[rest.Prefix]string{"/v1": "unimplemented", "/v2": "ok"} {
		_, err := set.Endpoint(version.Caller(shop.Client("price")))(t.Context(), &price{ID: "p-1", Price: 7})
		if code := fault.CodeOf(err).String(); code != want {
			t.Errorf("%s is answered with %v, want %s", version, err, want)
		}
		operation := `operation="PUT ` + string(version) + `/prices/{id}"`
		for side, of := range map[string]*sinew.Service{"server": svc, "client": shop} {
			n := 0
			for _, line := range servicetest.Series(of, "sinew_"+side+"_requests_total") {
				if strings.Contains(line, operation) && strings.Contains(line, `code="`+want+`"`) && strings.HasSuffix(line, " 1") {
					n++
				}
			}
			if n != 1 {
				t.Errorf("the %s has %v, want one %s of %s", side, servicetest.Series(of, "sinew_"+side+"_requests_total"), want, operation)
			}
		}
	}
	document := servicetest.Ask(svc, "GET", "/openapi.json").Body.String()
	if !strings.Contains(document, `"/v1/prices/{id}"`) || !strings.Contains(document, `"/v2/prices/{id}"`) {
		t.Errorf("the document is %s", document)
	}
}
