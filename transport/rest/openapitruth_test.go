package rest_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/transport/rest"
)

// documentOf returns the decoded document of the routes.
func documentOf(t *testing.T, routes ...rest.Forwarder) (doc openAPI) {
	t.Helper()
	mux := listing{ServeMux: http.NewServeMux()}
	for _, r := range routes {
		r.Forward(&mux, rest.Remote("http://10.0.0.1", nil))
	}
	text, err := json.Marshal(rest.OpenAPI("x", "1", mux.handlers...))
	if err == nil {
		err = json.Unmarshal(text, &doc)
	}
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

type openAPI struct {
	Paths map[string]map[string]struct {
		OperationID string
		Parameters  []struct {
			Name, In string
			Schema   map[string]any
		}
		RequestBody struct {
			Content map[string]struct{ Schema json.RawMessage }
		}
		Responses map[string]struct {
			Headers map[string]struct{ Schema map[string]any }
			Content map[string]struct{ Schema json.RawMessage }
		}
	}
	Components struct{ Schemas map[string]json.RawMessage }
}

// moneys is encoded as JSON by its fields, and read from a query as a whole number.
type moneys int64

func (m moneys) MarshalJSON() ([]byte, error) { return []byte(`"1.00"`), nil }

func TestAParameterIsDescribedByItsCodec(t *testing.T) {
	type request struct {
		After  time.Duration   `query:"after" json:"-"`
		Every  *time.Duration  `query:"every" json:"-"`
		Waits  []time.Duration `query:"wait" json:"-"`
		Since  time.Time       `query:"since" json:"-"`
		Price  moneys          `query:"price" json:"-"`
		Shade  shade           `query:"shade" json:"-"`
		Grade  grade           `header:"X-Grade" json:"-"`
		Port   uint16          `query:"port" json:"-"`
		Small  int8            `query:"small" json:"-"`
		Large  int64           `path:"large" json:"-"`
		Dry    bool            `query:"dry" json:"-"`
		Share  float64         `query:"share" json:"-"`
		Number json.Number     `query:"number" json:"-"`
	}
	doc := documentOf(t, rest.Route[*request, endpoint.None]{Pattern: "GET /x/{large}"})
	got := map[string]map[string]any{}
	for _, p := range doc.Paths["/x/{large}"]["get"].Parameters {
		got[p.Name] = p.Schema
	}
	for name, want := range map[string]string{
		"since": `{"format":"date-time","type":"string"}`, "price": `{"format":"int64","type":"integer"}`, "shade": `{"enum":["light","dark"],"type":"string"}`,
		"X-Grade": `{"type":"string"}`, "port": `{"maximum":65535,"minimum":0,"type":"integer"}`, "small": `{"maximum":127,"minimum":-128,"type":"integer"}`,
		"large": `{"format":"int64","type":"integer"}`, "dry": `{"type":"boolean"}`, "share": `{"type":"number"}`, "number": `{"type":"string"}`,
	} {
		if text, _ := json.Marshal(got[name]); string(text) != want {
			t.Errorf("%s is %s, want %s", name, text, want)
		}
	}
	for _, s := range []map[string]any{got["after"], got["every"], got["wait"]["items"].(map[string]any)} {
		pattern, _ := s["pattern"].(string)
		for text, fits := range map[string]bool{"1.5s": true, "2m30s": true, "-1h0m0.5s": true, "0": true, "100ns": true, "1µs": true, ".5s": true, "5": false, "": false, "soon": false, "1d": false} {
			if _, err := time.ParseDuration(text); s["type"] != "string" || regexp.MustCompile(pattern).MatchString(text) != fits || (err == nil) != fits {
				t.Errorf("%v of %q: want %v", s, text, fits)
			}
		}
	}
}

func TestOperationIDsAreUnique(t *testing.T) {
	type byID struct {
		ID string `path:"id" json:"-"`
	}
	type byUser struct {
		ID   string `path:"user_id" json:"-"`
		Name string `json:"name"`
	}
	type deep struct {
		User  string `path:"user" json:"-"`
		Order int    `path:"order" json:"-"`
	}
	type swapped struct {
		Order int    `path:"user" json:"-"`
		User  string `path:"id" json:"-"`
	}
	doc := documentOf(t,
		rest.Route[*byID, endpoint.None]{Pattern: "GET /users/{id}"}, rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /users/by-id"},
		rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /users/by/id"}, rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /users_by_id"},
		rest.Route[*byUser, endpoint.None]{Pattern: "PUT /users/{user_id}"},
		rest.Route[*deep, endpoint.None]{Pattern: "GET /u/{user}/orders/{order}"}, rest.Route[*swapped, endpoint.None]{Pattern: "DELETE /u/{id}/orders/{user}"},
	)
	ids, shapes := map[string]string{}, map[string]string{}
	for path, methods := range doc.Paths {
		shape := regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(path, "{}")
		if other, taken := shapes[shape]; taken {
			t.Errorf("%s and %s are one path", path, other)
		}
		shapes[shape] = path
		for method, op := range methods {
			if other, taken := ids[op.OperationID]; taken {
				t.Errorf("%s %s and %s are %s", method, path, other, op.OperationID)
			}
			ids[op.OperationID] = method + " " + path
			for _, p := range op.Parameters {
				if p.In == "path" && !strings.Contains(path, "{"+p.Name+"}") {
					t.Errorf("%s has no %s", path, p.Name)
				}
			}
		}
	}
	if len(ids) != 7 || ids["getUsersById"] != "get /users/{id}" || doc.Paths["/users/{id}"]["put"].OperationID == "" {
		t.Errorf("%v", ids)
	}
	if p := doc.Paths["/u/{id}/orders/{user}"]["get"].Parameters; len(p) != 2 || p[0].Name != "id" || p[0].Schema["type"] != "string" || p[1].Name != "user" || p[1].Schema["type"] != "integer" {
		t.Errorf("%+v", p)
	}
}

type page[T any] struct {
	Items []T `json:"items"`
}

type pair[A, B any] struct {
	A A `json:"a"`
	B B `json:"b"`
}

type Größe struct {
	N int `json:"n"`
}

func TestComponentNamesAreValidInOpenAPI(t *testing.T) {
	type local struct {
		N int `json:"n"`
	}
	type answer struct {
		Pages  page[local]                              `json:"pages"`
		Maps   page[map[string]*Stock]                  `json:"maps"`
		Pair   pair[page[Stock], *pair[int, []float64]] `json:"pair"`
		Struct page[struct{ A, B int }]                 `json:"struct"`
		Size   Größe                                    `json:"size"`
		Func   page[interface{ Close() error }]         `json:"func"`
	}
	doc := documentOf(t, rest.Route[*answer, *answer]{Pattern: "POST /x"})
	for name := range doc.Components.Schemas {
		if !regexp.MustCompile(`^[a-zA-Z0-9._-]+$`).MatchString(name) {
			t.Errorf("%q", name)
		}
	}
	if len(doc.Components.Schemas) < 14 || doc.Components.Schemas["answerInput"] == nil || doc.Components.Schemas["pagelocal"] == nil {
		t.Errorf("%d: %v", len(doc.Components.Schemas), doc.Components.Schemas)
	}
}

func TestSelfEncodedTypesAreDescribed(t *testing.T) {
	type inner struct {
		ID string `path:"id" json:"id"` // not bound, since this is not a request
	}
	type answer struct {
		N      int             `json:"n,string"`
		P      *float64        `json:"p,string"`
		Text   string          `json:"text,string"`
		Price  cents           `json:"price,string"`
		Number json.Number     `json:"number"`
		Prices []cents         `json:"prices"`
		Grade  grade           `json:"grade"`
		Dash   bool            `json:"-,"`
		Odd    int             `json:"a'b,omitempty"`
		Took   time.Duration   `json:"took"`
		Size   uint8           `json:"size"`
		Two    [2]bool         `json:"two"`
		Inner  inner           `json:"inner"`
		Raw    json.RawMessage `json:"raw"`
	}
	doc := documentOf(t, rest.Route[endpoint.None, *answer]{Pattern: "GET /x"})
	want := `{"properties":{"-":{"type":"boolean"},"Odd":{"type":"integer"},"grade":{"type":"string"},"inner":{"$ref":"#/components/schemas/inner"},"n":{"pattern":"^-?(0|[1-9][0-9]*)$","type":"string"},"number":{"type":"number"},` +
		`"p":{"pattern":"^-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?$","type":["string","null"]},"price":{"type":"number"},"prices":{"items":{"type":"number"},"type":"array"},"raw":{},"size":{"maximum":255,"minimum":0,"type":"integer"},"text":{"type":"string"},` +
		`"took":{"type":"integer"},"two":{"items":{"type":"boolean"},"maxItems":2,"minItems":2,"type":"array"}},` +
		`"required":["n","p","text","price","number","prices","grade","-","took","size","two","inner","raw"],"type":"object"}`
	if got := string(doc.Components.Schemas["answer"]); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := string(doc.Components.Schemas["inner"]); got != `{"properties":{"id":{"type":"string"}},"required":["id"],"type":"object"}` {
		t.Error(got)
	}
}

func TestTheProblemSchemaHasAllMembersOfAProblem(t *testing.T) {
	doc := documentOf(t)
	var s struct {
		Properties map[string]any
		Required   []string
	}
	if err := json.Unmarshal(doc.Components.Schemas["Problem"], &s); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"type", "title", "status", "detail", "code", "reason", "errors", "details", "retry_after", "unprocessed", "repeated", "service"} {
		if s.Properties[name] == nil {
			t.Errorf("it has no %s", name)
		}
	}
	if len(s.Properties) != 12 || len(s.Required) != 4 {
		t.Errorf("%v %v", s.Properties, s.Required)
	}
}

// instant is a time, or null.
type instant struct{ time.Time }

func (i instant) MarshalJSON() ([]byte, error) {
	if i.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(i.Time)
}

// either is a number or a string.
type either struct {
	Text string
	N    int
}

func (e either) MarshalJSON() ([]byte, error) {
	if e.Text != "" {
		return json.Marshal(e.Text)
	}
	return json.Marshal(e.N)
}

// option is a value or null.
type option[T any] struct {
	Value T
	Set   bool
}

func (o option[T]) MarshalJSON() ([]byte, error) {
	if !o.Set {
		return []byte("null"), nil
	}
	return json.Marshal(o.Value)
}

// fragile panics when its zero value is encoded.
type fragile struct{ of *fragile }

func (f fragile) MarshalJSON() ([]byte, error) { return json.Marshal(f.of.of) }

// branching contains itself several times.
type branching struct{ A, B, C, D, E, F, G, H *branching }

func (b branching) MarshalJSON() ([]byte, error) { return []byte(`{}`), nil }

func TestASelfEncodedTypeIsDescribedByAllItsSamples(t *testing.T) {
	for want, describe := range map[string]func(*testing.T) (string, map[string]any){
		`{"anyOf":[{"format":"date-time","type":"string"},{"type":"null"}]}`: described[instant],
		`{}`:                          described[either],
		`{"type":["number","null"]}`:  described[option[int]],
		`{"type":["boolean","null"]}`: described[option[bool]],
		`{"type":["string","null"]}`:  described[option[string]],
		`{"type":"object"}`:           described[branching],
	} {
		if schema, _ := describe(t); schema != want {
			t.Errorf("%s, want %s", schema, want)
		}
	}
	if schema, _ := described[fragile](t); schema != `{}` {
		t.Error(schema)
	}
}
