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

func TestARouteDescribesTheHeaderOfItsAnswer(t *testing.T) {
	op := rest.Route[endpoint.None, *created]{Pattern: "GET /x"}.Describe()
	got := ""
	for _, h := range op.Headers {
		got += fmt.Sprintf("%s %s %v; ", h.In, h.Name, h.Schema["type"])
	}
	if want := "header Etag string; header Location string; header X-Left integer; header Link array; header X-Size array; " +
		"header X-Until string; cookie session string; cookie theme string; header X-Tenant string; "; got != want {
		t.Errorf("the headers are %s, want %s", got, want)
	}
	if op := (rest.Route[endpoint.None, *version]{Pattern: "GET /x"}).Describe(); op.Answer.Type != nil || op.Status != 204 || len(op.Headers) != 1 {
		t.Errorf("an answer without a body is described as %+v", op)
	}
}
