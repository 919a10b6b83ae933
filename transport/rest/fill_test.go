package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// cents encodes itself as a decimal number, by a method of the pointer.
type cents struct{ n int64 }

func (c *cents) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%d.%02d", c.n/100, c.n%100), nil
}

func (c *cents) UnmarshalJSON(text []byte) error {
	var whole, part int64
	if _, err := fmt.Sscanf(string(text), "%d.%d", &whole, &part); err != nil {
		return fault.InvalidArgument.Errorf("%.20s is no price", text)
	}
	c.n = whole*100 + part
	return nil
}

// grade is a string, by methods of the pointer.
type grade struct{ letter string }

func (g *grade) MarshalText() ([]byte, error) { return []byte(g.letter), nil }

func (g *grade) UnmarshalText(text []byte) error { g.letter = string(text); return nil }

type priced struct {
	Price  cents              `json:"price"`
	Prices []cents            `json:"prices"`
	Two    [2]cents           `json:"two"`
	By     map[string]*cents  `json:"by"`
	Lists  map[string][]cents `json:"lists"`
	Grade  grade              `json:"grade"`
	Inner  struct {
		Price cents `json:"price"`
	} `json:"inner"`
}

func TestARouteReadsItsOwnAnswer(t *testing.T) {
	sent := priced{
		Price: cents{1999}, Prices: []cents{{1}, {250}}, Two: [2]cents{{100}, {200}}, By: map[string]*cents{"a": {5}},
		Lists: map[string][]cents{"a": {{7}}}, Grade: grade{"A"},
	}
	sent.Inner.Price = cents{42}
	for _, keyed := range []bool{false, true} {
		value := rest.Route[priced, priced]{Pattern: "POST /value", Keyed: keyed}
		pointer := rest.Route[*priced, *priced]{Pattern: "POST /pointer", Keyed: keyed}
		list := rest.Route[priced, []priced]{Pattern: "POST /list", Keyed: keyed}
		fixed := rest.Route[priced, [1]priced]{Pattern: "POST /fixed", Keyed: keyed}
		one := rest.Route[priced, cents]{Pattern: "POST /one", Keyed: keyed}
		mux := http.NewServeMux()
		value.Handle(mux, func(_ context.Context, p priced) (priced, error) { return p, nil })
		pointer.Handle(mux, func(_ context.Context, p *priced) (*priced, error) { return p, nil })
		list.Handle(mux, func(_ context.Context, p priced) ([]priced, error) { return []priced{p}, nil })
		fixed.Handle(mux, func(_ context.Context, p priced) ([1]priced, error) { return [1]priced{p}, nil })
		one.Handle(mux, func(_ context.Context, p priced) (cents, error) { return p.Price, nil })
		caller, _ := serve(t, mux)
		if got, err := value.Endpoint(caller)(t.Context(), sent); err != nil || !reflect.DeepEqual(got, sent) {
			t.Errorf("value, keyed %v: %+v, %v", keyed, got, err)
		}
		if got, err := pointer.Endpoint(caller)(t.Context(), &sent); err != nil || !reflect.DeepEqual(*got, sent) {
			t.Errorf("pointer, keyed %v: %+v, %v", keyed, got, err)
		}
		if got, err := list.Endpoint(caller)(t.Context(), sent); err != nil || !reflect.DeepEqual(got, []priced{sent}) {
			t.Errorf("list, keyed %v: %+v, %v", keyed, got, err)
		}
		if got, err := fixed.Endpoint(caller)(t.Context(), sent); err != nil || !reflect.DeepEqual(got, [1]priced{sent}) {
			t.Errorf("array, keyed %v: %+v, %v", keyed, got, err)
		}
		if got, err := one.Endpoint(caller)(t.Context(), sent); err != nil || got != sent.Price {
			t.Errorf("one, keyed %v: %+v, %v", keyed, got, err)
		}
	}
}

func TestValuesThatAMapWouldWriteByTheirFieldsAreRefused(t *testing.T) {
	type deep struct {
		Tree map[string]struct{ Price cents } `json:"tree"`
	}
	nowhere := rest.Remote("http://10.0.0.1", nil)
	for _, c := range []struct {
		name string
		f    func()
	}{
		{name: "rest_test.cents", f: func() {
			rest.Route[endpoint.None, map[string]cents]{Pattern: "GET /x"}.Forward(http.NewServeMux(), nowhere)
		}},
		{name: "big.Int", f: func() { rest.Route[endpoint.None, map[int]big.Int]{Pattern: "GET /x"}.Endpoint(nowhere) }},
		{name: "rest_test.deep", f: func() { rest.Route[*deep, endpoint.None]{Pattern: "POST /x"}.Endpoint(nowhere) }},
		{name: "rest_test.grade", f: func() { rest.Route[endpoint.None, []map[string][2]grade]{Pattern: "GET /x"}.Endpoint(nowhere) }},
		{name: "", f: func() { rest.Route[endpoint.None, map[string][]cents]{Pattern: "GET /x"}.Endpoint(nowhere) }},
	} {
		func() {
			defer func() {
				text, _ := recover().(string)
				if !strings.Contains(text, c.name) || (c.name == "") != (text == "") {
					t.Errorf("want %q in %q", c.name, text)
				}
			}()
			c.f()
		}()
	}
}

func TestValuesBehindAnEmbeddedPointerInAMapAreWrittenByTheirMethods(t *testing.T) {
	type Base struct{ Price cents }
	type byPointer struct{ *Base }
	sent := map[string]byPointer{"a": {&Base{Price: cents{1999}}}}
	route := rest.Route[endpoint.None, map[string]byPointer]{Pattern: "GET /x"}
	mux := http.NewServeMux()
	route.Handle(mux, func(context.Context, endpoint.None) (map[string]byPointer, error) { return sent, nil })
	caller, _ := serve(t, mux)
	if got, err := route.Endpoint(caller)(t.Context(), endpoint.None{}); err != nil || !reflect.DeepEqual(got, sent) {
		t.Errorf("got %+v, %v, want %+v", got, err, sent)
	}
}

type holding struct {
	List   []string             `json:"list"`
	Map    map[string][]int     `json:"map"`
	Bytes  []byte               `json:"bytes"`
	Array  [2][]int             `json:"array"`
	Inner  struct{ Deep []int } `json:"inner"`
	Any    any                  `json:"any"`
	Ptr    *[]int               `json:"ptr"`
	Raw    json.RawMessage      `json:"raw"`
	Gone   []int                `json:"gone,omitempty"`
	Own    nothing              `json:"own"`
	Next   *holding             `json:"next"`
	Odd    []int                `json:"a<b&null"`
	Text   string               `json:"text"`
	Frames []*holding           `json:"frames,omitempty"`
	Named  names                `json:"named"`
	Time   *int                 `json:"time"`
	embedded
}

type embedded struct {
	Below []string `json:"below"`
}

type (
	names   []string
	nothing struct{}
)

func (nothing) MarshalJSON() ([]byte, error) { return []byte(`{"list":null}`), nil }

func TestNilSlicesAndMapsAreWrittenAsEmpty(t *testing.T) {
	mux := http.NewServeMux()
	var next *holding
	rest.Route[endpoint.None, holding]{Pattern: "GET /value"}.Handle(mux, func(context.Context, endpoint.None) (holding, error) { return *next, nil })
	rest.Route[endpoint.None, *holding]{Pattern: "POST /keyed", Keyed: true}.Handle(mux, func(context.Context, endpoint.None) (*holding, error) { return next, nil })
	rest.Route[endpoint.None, []string]{Pattern: "GET /list"}.Handle(mux, func(context.Context, endpoint.None) ([]string, error) { return nil, nil })
	rest.Route[endpoint.None, map[string]int]{Pattern: "GET /map"}.Handle(mux, func(context.Context, endpoint.None) (map[string]int, error) { return nil, nil })
	rest.Route[endpoint.None, [][]string]{Pattern: "GET /lists"}.Handle(mux, func(context.Context, endpoint.None) ([][]string, error) { return [][]string{nil, {"a"}, nil}, nil })
	rest.Route[endpoint.None, any]{Pattern: "GET /any"}.Handle(mux, func(context.Context, endpoint.None) (any, error) { return nil, nil })
	rest.Route[endpoint.None, []byte]{Pattern: "GET /bytes"}.Handle(mux, func(context.Context, endpoint.None) ([]byte, error) { return nil, nil })

	const empty = `{"list":[],"map":{},"bytes":"","array":[[],[]],"inner":{"Deep":[]},"any":null,"ptr":null,"raw":null,"own":{"list":null},"next":null,"a\u003cb\u0026null":[],"text":"null","named":[],"time":null,"below":[]}`
	next = &holding{Text: "null"}
	for _, c := range []struct {
		path string
		want string
	}{
		{path: "/value", want: empty},
		{path: "/list", want: "[]"},
		{path: "/map", want: "{}"},
		{path: "/lists", want: `[[],["a"],[]]`},
		{path: "/any", want: "null"},
		{path: "/bytes", want: `""`},
	} {
		if w := ask(mux, "GET", c.path, "", ""); w.Code != 200 || w.Body.String() != c.want {
			t.Errorf("%s: %d %s, want %s", c.path, w.Code, w.Body, c.want)
		}
	}
	for range 2 {
		if w := ask(mux, "POST", "/keyed", "", "", "Idempotency-Key", "k"); w.Body.String() != empty {
			t.Errorf("keyed: %s", w.Body)
		}
	}
	inner := holding{List: []string{"null"}, Map: map[string][]int{"null": nil}, Text: `[{"null":null`}
	next = &holding{Next: &inner, Frames: []*holding{nil, &inner}, Any: map[string][]int{"x": nil}}
	var got, want map[string]any
	w := ask(mux, "GET", "/value", "", "")
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%s: %v", w.Body, err)
	}
	deep, _ := json.Marshal(got["next"])
	if !strings.Contains(string(deep), `"map":{"null":[]}`) || !strings.Contains(string(deep), `"list":["null"]`) {
		t.Errorf("%s", deep)
	}
	if any, _ := json.Marshal(got["any"]); string(any) != `{"x":null}` {
		t.Errorf("what is in an interface is as it is: %s", any)
	}
	frames := got["frames"].([]any)
	if _ = json.Unmarshal(deep, &want); frames[0] != nil || !reflect.DeepEqual(frames[1], got["next"]) {
		t.Errorf("%v", frames)
	}
}

func TestANilAnswerIsInternal(t *testing.T) {
	mux := http.NewServeMux()
	Reserve.Handle(mux, func(context.Context, *ReserveRequest) (*Stock, error) { return nil, nil })
	if p := problemOf(t, ask(mux, "POST", "/inventory/p/reserve", "application/json", `{"quantity":1}`)); p.Status != 500 {
		t.Errorf("%+v", p)
	}
	caller, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(" null\n")) }))
	got, err := Reserve.Endpoint(caller)(t.Context(), &ReserveRequest{ProductID: "p", Quantity: 1})
	if !errors.Is(err, fault.Internal) {
		t.Errorf("a pointer: %v, %v", got, err)
	}
	if got, err := (rest.Route[endpoint.None, Stock]{Pattern: "GET /x"}).Endpoint(caller)(t.Context(), endpoint.None{}); !errors.Is(err, fault.Internal) {
		t.Errorf("a struct: %v, %v", got, err)
	}
	if got, err := (rest.Route[endpoint.None, int]{Pattern: "GET /x"}).Endpoint(caller)(t.Context(), endpoint.None{}); !errors.Is(err, fault.Internal) {
		t.Errorf("a number: %v, %v", got, err)
	}
	for _, c := range []struct {
		name string
		err  error
	}{
		{name: "slice", err: errorOf(rest.Route[endpoint.None, []string]{Pattern: "GET /x"}.Endpoint(caller)(t.Context(), endpoint.None{}))},
		{name: "map", err: errorOf(rest.Route[endpoint.None, map[string]int]{Pattern: "GET /x"}.Endpoint(caller)(t.Context(), endpoint.None{}))},
		{name: "interface", err: errorOf(rest.Route[endpoint.None, any]{Pattern: "GET /x"}.Endpoint(caller)(t.Context(), endpoint.None{}))},
		{name: "raw", err: errorOf(rest.Route[endpoint.None, json.RawMessage]{Pattern: "GET /x"}.Endpoint(caller)(t.Context(), endpoint.None{}))},
	} {
		if c.err != nil {
			t.Errorf("%s: %v", c.name, c.err)
		}
	}
}

func errorOf[T any](_ T, err error) error { return err }
