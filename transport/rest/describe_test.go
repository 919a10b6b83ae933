package rest_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/contracts"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestARouteDescribesWhatTravelsBesideItsBody(t *testing.T) {
	type request struct {
		Page []int  `query:"page" json:"-"`
		Line int    `path:"line" json:"-"`
		ID   string `path:"id" json:"-"`
		Note string `json:"note"`
	}
	op := rest.Route[*request, *Stock]{Pattern: "PUT  /orders/{id}/{line}", Keyed: true, Strict: true}.Describe()
	got := ""
	for _, p := range op.Parameters {
		got += fmt.Sprintf("%s %s %v %v; ", p.In, p.Name, p.Required, p.Schema["type"])
	}
	if want := "path id true string; path line true integer; query page false array; "; got != want {
		t.Errorf("the parameters are %s, want %s", got, want)
	}
	want := contracts.Operation{
		Kind: contracts.Route, Name: "PUT /orders/{id}/{line}", Status: 200, Keyed: true, Strict: true, MaxBody: 1 << 20,
		Parameters: op.Parameters, Answer: contracts.Value{Type: reflect.TypeFor[*Stock]()},
		Request: contracts.Value{Type: reflect.TypeFor[request](), Elsewhere: [][]int{{0}, {1}, {2}}},
	}
	if !reflect.DeepEqual(op, want) {
		t.Errorf("it is described as %+v, want %+v", op, want)
	}
}

func TestARouteWithoutBodiesDescribesNone(t *testing.T) {
	op := rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /x", Strict: true}.Describe()
	if want := (contracts.Operation{Kind: contracts.Route, Name: "GET /x", Status: 204}); !reflect.DeepEqual(op, want) {
		t.Errorf("it is described as %+v, want %+v", op, want)
	}
}
