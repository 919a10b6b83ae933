package interop_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/sinew-go/sinew/transport/rest"
)

// Types with an encoding of their own in encoding/json.
type (
	level string
	mode  string
	cents struct{ n int64 }
	grade struct{ letter string }
	tree  map[string]tree
	rows  []rows
	octet byte
)

// Enum lists the levels.
func (level) Enum() []string { return []string{"low", "high"} }

// Enum lists the modes.
func (mode) Enum() []string { return []string{"fast", "slow"} }

// MarshalJSON writes an empty mode as null.
func (m mode) MarshalJSON() ([]byte, error) {
	if m == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(m))
}

// UnmarshalText accepts any text.
func (m *mode) UnmarshalText(text []byte) error { *m = mode(text); return nil }

// MarshalJSON writes a decimal number.
func (c *cents) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%d.%02d", c.n/100, c.n%100), nil
}

// UnmarshalJSON reads a decimal number.
func (c *cents) UnmarshalJSON(text []byte) error {
	_, err := fmt.Sscanf(string(text), "%d", &c.n)
	return err
}

// MarshalText writes the letter.
func (g *grade) MarshalText() ([]byte, error) { return []byte(g.letter), nil }

// UnmarshalText reads the letter.
func (g *grade) UnmarshalText(text []byte) error { g.letter = string(text); return nil }

// MarshalText writes a name for a byte.
func (o octet) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "o%d", o), nil }

// UnmarshalText reads such a name.
func (o *octet) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "o%d", o)
	return err
}

type base struct {
	Made time.Time `json:"made"`
	Tags []string  `json:"tags"`
}

// Extra is embedded by pointer.
type Extra struct {
	More map[string][]int `json:"more"`
}

type odd struct {
	base
	*Extra
	Level    level             `json:"level"`
	Mode     mode              `json:"mode"`
	Modes    map[string]mode   `json:"modes"`
	Price    cents             `json:"price"`
	Prices   []cents           `json:"prices"`
	Total    *cents            `json:"total"`
	Grade    grade             `json:"grade"`
	N        int               `json:"n,string"`
	F        *float64          `json:"f,string"`
	B        bool              `json:"b,string,omitempty"`
	S        string            `json:"s,string"`
	Number   json.Number       `json:"number"`
	Big      *big.Int          `json:"big"`
	Bytes    []byte            `json:"bytes"`
	Octets   []octet           `json:"octets"`
	Two      [2]uint8          `json:"two"`
	Matrix   [][]float64       `json:"matrix"`
	Tree     tree              `json:"tree"`
	Rows     rows              `json:"rows"`
	Next     *odd              `json:"next"`
	Any      any               `json:"any"`
	Raw      json.RawMessage   `json:"raw"`
	Dash     int               `json:"-,"`
	Skipped  int               `json:"-"`
	Bad      int               `json:"a\"b"`
	Took     time.Duration     `json:"took"`
	Empty    []string          `json:"empty,omitempty"`
	Zero     time.Time         `json:"zero,omitzero"`
	Inner    struct{ A []int } `json:"inner"`
	ByID     map[int]*base     `json:"by_id"`
	Pointer  *[]string         `json:"pointer"`
	Deep     **int             `json:"deep"`
	Func     func()            `json:"-"`
	Unsigned uint64            `json:"unsigned"`
}

func full() *odd {
	f, one := 1.5, 1
	deep := &one
	o := &odd{
		base: base{time.Unix(1, 5).UTC(), []string{"a"}}, Extra: &Extra{map[string][]int{"a": nil, "b": {1}}}, Level: "low", Mode: "fast", Modes: map[string]mode{"a": "", "b": "slow"},
		Price: cents{150}, Prices: []cents{{1}}, Total: &cents{2}, Grade: grade{"A"}, N: -7, F: &f, B: true, S: `"`, Number: "12345678901234567890.5", Big: big.NewInt(1 << 40),
		Bytes: []byte("x"), Octets: []octet{7}, Two: [2]uint8{1, 255}, Matrix: [][]float64{nil, {1.5}}, Tree: tree{"a": nil, "b": tree{"c": nil}}, Rows: rows{nil, rows{}},
		Any: []any{nil, 1}, Raw: json.RawMessage(`{"a":null}`), Dash: 1, Bad: 2, Took: time.Second, Empty: []string{"x"}, Zero: time.Unix(2, 0).UTC(),
		ByID: map[int]*base{1: {}}, Pointer: &[]string{}, Deep: &deep, Unsigned: 1 << 63,
	}
	o.Inner.A = []int{1}
	return o
}

// least is an answer with only the required members.
func least() *odd { return &odd{Level: "low", Next: &odd{Level: "high"}} }

// sent forwards requests and records the body of the last one.
type sent struct {
	http.RoundTripper
	body []byte
}

func (s *sent) RoundTrip(r *http.Request) (*http.Response, error) {
	s.body, _ = io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(s.body)))
	return s.RoundTripper.RoundTrip(r)
}

type listing struct {
	*http.ServeMux
	handlers []http.Handler
}

func (l *listing) Handle(pattern string, h http.Handler) {
	l.handlers = append(l.handlers, h)
	l.ServeMux.Handle(pattern, h)
}

// checked makes a call and validates request and response against the document.
func checked[Req, Resp any](t *testing.T, name string, req Req, resp Resp) {
	t.Helper()
	route := rest.Route[Req, Resp]{Pattern: "POST /x"}
	mux := listing{ServeMux: http.NewServeMux()}
	route.Handle(&mux, func(context.Context, Req) (Resp, error) { return resp, nil })
	var answered []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := httptest.NewRecorder()
		mux.ServeHTTP(recorder, r)
		answered = recorder.Body.Bytes()
		w.Header().Set("Content-Type", recorder.Header().Get("Content-Type"))
		w.WriteHeader(recorder.Code)
		_, _ = w.Write(answered)
	}))
	defer server.Close()
	transport := &sent{RoundTripper: server.Client().Transport}
	if _, err := route.Endpoint(rest.Remote(server.URL, &http.Client{Transport: transport}))(t.Context(), req); err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	text, err := json.Marshal(rest.OpenAPI("x", "1", mux.handlers...))
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.AssertContent()
	if err := c.AddResource("openapi.json", document); err != nil {
		t.Fatal(err)
	}
	const post = "openapi.json#/paths/~1x/post/"
	for at, body := range map[string][]byte{post + "requestBody/content/application~1json/schema": transport.body, post + "responses/200/content/application~1json/schema": answered} {
		schema, err := c.Compile(at)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(body)))
		if err == nil {
			err = schema.Validate(value)
		}
		if err != nil {
			t.Errorf("%s: %s is not what %s says: %v", name, body, at, err)
		}
	}
}

func TestWhatIsSentAndAnsweredIsWhatTheDocumentSays(t *testing.T) {
	checked(t, "full", full(), full())
	checked(t, "least", least(), least())
	checked(t, "values", *full(), *least())
	checked(t, "a list", *least(), []odd{*full(), *least()})
	checked(t, "no list", *least(), []*odd(nil))
	checked(t, "a map", *least(), map[string][]*odd{"a": nil, "b": {full()}})
	checked(t, "a number", *least(), cents{7})
	checked(t, "a mode", *least(), map[string]mode{"a": ""})
	checked(t, "anything", *least(), any(map[string]any{"a": nil}))
	checked(t, "bytes", *least(), []byte(nil))
	checked(t, "a tree", *least(), tree(nil))
}

func TestARefusalIsWhatTheDocumentSays(t *testing.T) {
	type request struct {
		Limit int `query:"limit" default:"20" json:"-"`
		N     int `json:"n"`
	}
	mux := listing{ServeMux: http.NewServeMux()}
	rest.Route[*request, *odd]{Pattern: "POST /x"}.Handle(&mux, func(context.Context, *request) (*odd, error) { return least(), nil })
	text, err := json.Marshal(rest.OpenAPI("x", "1", mux.handlers...))
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("openapi.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("openapi.json#/components/schemas/Problem")
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/x?limit=x", strings.NewReader(`{"n":"y"}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	refusal, err := jsonschema.UnmarshalJSON(strings.NewReader(w.Body.String()))
	if err == nil {
		err = schema.Validate(refusal)
	}
	if err != nil || strings.Count(w.Body.String(), `"detail":`) != 3 {
		t.Errorf("%d %s: want a problem with two violations (%v)", w.Code, w.Body, err)
	}
}
