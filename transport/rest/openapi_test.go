package rest_test

import (
	"encoding/json"
	"net/http"
	"testing"

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

// described is the schema of an answer of type T, with those that it refers to.
func described[T any](t *testing.T) (schema string, all map[string]any) {
	t.Helper()
	mux := listing{ServeMux: http.NewServeMux()}
	rest.Route[rest.None, T]{Pattern: "GET /x"}.Forward(&mux, rest.At("http://10.0.0.1", nil))
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

func TestATypeThatHoldsItselfIsReferredToByItsName(t *testing.T) {
	for want, describe := range map[string]func(*testing.T) (string, map[string]any){
		`{"additionalProperties":{"$ref":"#/components/schemas/tree"},"type":"object"}`:                            described[tree],
		`{"items":{"$ref":"#/components/schemas/list"},"type":"array"}`:                                            described[list],
		`{"additionalProperties":{"items":{"$ref":"#/components/schemas/tables"},"type":"array"},"type":"object"}`: described[tables],
	} {
		schema, all := describe(t)
		for name, s := range all {
			if text, _ := json.Marshal(s); name != "Problem" && (string(text) != want || schema != `{"$ref":"#/components/schemas/`+name+`"}`) {
				t.Errorf("%s is %s, want %s; the answer is %s", name, text, want, schema)
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

func TestATypeThatDoesNotHoldItselfIsDescribedInPlace(t *testing.T) {
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
	if want := `{"properties":{"at":{"type":"string"},"by":{"type":"boolean"},"page":{"type":"integer"},"stock":{"$ref":"#/components/schemas/Stock"}},"type":"object"}`; string(text) != want {
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
	if want := `{"properties":{"shade":{"enum":["light","dark",null],"type":["string","null"]}},"type":"object"}`; string(text) != want {
		t.Errorf("%s, want %s", text, want)
	}
}
