package rest_test

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

type (
	tree   map[string]tree
	list   []list
	forest []struct {
		Name string  `json:"name"`
		Kids *forest `json:"kids"`
	}
	loop   *loop
	tables map[string][]tables
)

// described returns the schema of an answer of type T, and those that it refers to.
func described[T any](t *testing.T) (schema string, all map[string]any) {
	t.Helper()
	mux := listing{ServeMux: http.NewServeMux()}
	rest.Route[endpoint.None, T]{Pattern: "GET /x"}.Forward(&mux, rest.Remote("http://10.0.0.1", nil))
	text, err := json.Marshal(rest.OpenAPI("x", "1", mux.handlers...))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]struct{ Schema json.RawMessage }
			}
		}
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return string(doc.Paths["/x"]["get"].Responses["200"].Content["application/json"].Schema), doc.Components.Schemas
}

func TestARecursiveTypeIsReferredToByItsName(t *testing.T) {
	for _, c := range []struct {
		want     string
		describe func(*testing.T) (string, map[string]any)
	}{
		{want: `{"additionalProperties":{"$ref":"#/components/schemas/tree"},"type":"object"}`, describe: described[tree]},
		{want: `{"items":{"$ref":"#/components/schemas/list"},"type":"array"}`, describe: described[list]},
		{want: `{"additionalProperties":{"items":{"$ref":"#/components/schemas/tables"},"type":"array"},"type":"object"}`, describe: described[tables]},
	} {
		schema, all := c.describe(t)
		for name, s := range all {
			if text, _ := json.Marshal(s); name != "Problem" && (string(text) != c.want || schema != `{"$ref":"#/components/schemas/`+name+`"}`) {
				t.Errorf("%s is %s, want %s; the answer is %s", name, text, c.want, schema)
			}
		}
		if len(all) != 2 {
			t.Errorf("%s: %v", schema, all)
		}
	}
	described[loop](t)
	if schema, all := described[[]forest](t); all["forest"] == nil || schema != `{"items":{"$ref":"#/components/schemas/forest"},"type":"array"}` {
		t.Errorf("%s %v", schema, all)
	}
}

func TestANonRecursiveTypeIsDescribedInPlace(t *testing.T) {
	type names []string
	if schema, all := described[map[string]names](t); len(all) != 1 || schema != `{"additionalProperties":{"items":{"type":"string"},"type":"array"},"type":"object"}` {
		t.Errorf("%s %v", schema, all)
	}
}

type Paging struct {
	Page int `json:"page"`
	*Paging
}

type stamped struct {
	At string `json:"at"`
	By string `json:"by"`
}

func TestEmbeddedStructsAreDescribedAsEncodingJSONWritesThem(t *testing.T) {
	type answer struct {
		By bool `json:"by"`
		*stamped
		*Paging `json:",omitempty"`
		Stock   `json:"stock"`
	}
	_, all := described[*answer](t)
	text, _ := json.Marshal(all["answer"])
	if want := `{"properties":{"at":{"type":"string"},"by":{"type":"boolean"},"page":{"type":"integer"},"stock":{"$ref":"#/components/schemas/Stock"}},"required":["by","stock"],"type":"object"}`; string(text) != want {
		t.Errorf("%s, want %s", text, want)
	}
}

type shade string

func (shade) Enum() []string { return []string{"light", "dark"} }

func TestAPointerToAnEnumMayBeNull(t *testing.T) {
	type answer struct {
		Shade *shade `json:"shade"`
	}
	_, all := described[*answer](t)
	text, _ := json.Marshal(all["answer"])
	if want := `{"properties":{"shade":{"enum":["light","dark",null],"type":["string","null"]}},"required":["shade"],"type":"object"}`; string(text) != want {
		t.Errorf("%s, want %s", text, want)
	}
}

func TestHeadersThatOpenAPIDescribesElsewhereAreNoParameters(t *testing.T) {
	type request struct {
		Token  string `header:"Authorization" json:"-"`
		Tenant string `header:"X-Tenant" json:"-"`
	}
	doc := documentOf(t, rest.Route[*request, endpoint.None]{Pattern: "GET /x"})
	if p := doc.Paths["/x"]["get"].Parameters; len(p) != 1 || p[0].Name != "X-Tenant" {
		t.Errorf("the parameters are %+v, want X-Tenant alone", p)
	}
}

func TestWhatARouteDeclaresAsFailuresIsAnAnswerOfItsOwn(t *testing.T) {
	mux := listing{ServeMux: http.NewServeMux()}
	full := fault.FailedPrecondition.Errorf("The shelf is full.").WithReason("full").WithStatus(http.StatusConflict)
	rest.Route[endpoint.None, endpoint.None]{Pattern: "POST /x", Failures: []error{fault.NotFound, full}}.
		Handle(&mux, func(context.Context, endpoint.None) (endpoint.None, error) { return endpoint.None{}, nil })
	text, err := json.Marshal(rest.OpenAPI("x", "1", mux.handlers...))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct{ Description string }
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	got := doc.Paths["/x"]["post"].Responses
	for status, want := range map[string]string{
		"404": "What is asked for does not exist.", "409": "The shelf is full. (full)", "default": "The request failed.",
	} {
		if got[status].Description != want {
			t.Errorf("%s is described as %q, want %q", status, got[status].Description, want)
		}
	}
	if _, has := got["400"]; has {
		t.Error("a request without parts can be wrong, want no 400")
	}
}

// orNull returns the JSON of the type of a value that may also be null.
func orNull(kind, null string) string {
	if null == "" {
		return `"` + kind + `"`
	}
	return `["` + kind + `","null"]`
}

func TestElementsOfListsAndMapsAreDescribed(t *testing.T) {
	type all struct {
		List  []*Stock          `json:"list"`
		Map   map[string]*Stock `json:"map"`
		Pair  [2]*int           `json:"pair"`
		Small []int8            `json:"small"`
		Port  uint16            `json:"port"`
	}
	doc := documentOf(t, rest.Route[*all, *all]{Pattern: "POST /x"})
	var s struct{ Properties map[string]json.RawMessage }
	for name, null := range map[string]string{"all": "", "allInput": "null"} {
		if err := json.Unmarshal(doc.Components.Schemas[name], &s); err != nil {
			t.Fatal(name, err)
		}
		for _, c := range []struct {
			member string
			want   string
		}{
			{member: "list", want: `"items":{"anyOf":[{"$ref":`},
			{member: "map", want: `"additionalProperties":{"anyOf":[{"$ref":`},
			{member: "pair", want: `"type":["integer","null"]}`},
			{member: "small", want: `"items":{"maximum":127,"minimum":-128,"type":` + orNull("integer", null)},
			{member: "port", want: `{"maximum":65535,"minimum":0,"type":` + orNull("integer", null)},
		} {
			if text := string(s.Properties[c.member]); !strings.Contains(text, c.want) {
				t.Errorf("%s: %s is %s, want %s", name, c.member, text, c.want)
			}
		}
	}
}

func TestAQuotedNumberIsDescribedByItsPattern(t *testing.T) {
	type all struct {
		Int   int8            `json:"int,string"`
		Uint  uint64          `json:"uint,string"`
		Float *float32        `json:"float,string"`
		Bool  bool            `json:"bool,string"`
		Map   map[uint8]bool  `json:"map"`
		Texts map[string]bool `json:"texts"`
	}
	mux := http.NewServeMux()
	route := rest.Route[*all, endpoint.None]{Pattern: "POST /x"}
	route.Handle(mux, func(context.Context, *all) (endpoint.None, error) { return endpoint.None{}, nil })
	var s struct {
		Properties map[string]struct {
			Pattern       string
			PropertyNames struct{ Pattern string }
		}
	}
	if err := json.Unmarshal(documentOf(t, route).Components.Schemas["all"], &s); err != nil {
		t.Fatal(err)
	}
	if p := s.Properties["texts"].PropertyNames.Pattern; p != "" {
		t.Errorf("any text is a key, not %q alone", p)
	}
	for _, text := range []string{"0", "1", "-1", "1.5", "-1e3", "1E+2", "x", "", "true", "false", "007", "+1", ".5", "1.", " 1"} {
		for _, c := range []struct {
			member string
			value  string
		}{
			{member: "int", value: `"` + text + `"`},
			{member: "uint", value: `"` + text + `"`},
			{member: "float", value: `"` + text + `"`},
			{member: "bool", value: `"` + text + `"`},
			{member: "map", value: `{"` + text + `":true}`},
		} {
			p := s.Properties[c.member]
			fits := regexp.MustCompile(cmp.Or(p.Pattern, p.PropertyNames.Pattern)).MatchString(text)
			w := ask(mux, "POST", "/x", "application/json", `{"`+c.member+`":`+c.value+`}`)
			if !fits && (text == "007" || text == "1.") { // encoding/json may accept it, but no sender needs it
				continue
			}
			if fits != (w.Code == 204) {
				t.Errorf("%s %q: it fits the schema: %v, and is answered %d %s", c.member, text, fits, w.Code, w.Body)
			}
		}
	}
}
