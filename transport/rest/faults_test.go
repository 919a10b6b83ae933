package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// booking has a field in each place where a request may have one.
type booking struct {
	Room   int    `path:"room" json:"-"`
	Limit  int    `query:"limit" json:"-"`
	Dry    bool   `query:"dry" json:"-"`
	Weight int8   `header:"X-Weight" json:"-"`
	From   int    `json:"from"`
	To     int    `json:"to"`
	Name   string `json:"name"`
	Lines  []line `json:"lines"`
}

func (b *booking) Validate() error {
	var wrong []error
	if b.Name == "" {
		wrong = append(wrong, fault.Violation{Pointer: "/name", Detail: "it is required"})
	}
	if b.Limit > 100 {
		wrong = append(wrong, fault.Violation{Parameter: "limit", In: "query", Detail: "it must be at most 100"})
	}
	if b.To < b.From {
		wrong = append(wrong, errors.New("it ends before it starts"))
	}
	return errors.Join(wrong...)
}

var book = rest.Route[*booking, endpoint.None]{Pattern: "POST /rooms/{room}", Strict: true}

func booked() http.Handler {
	mux := http.NewServeMux()
	book.Handle(mux, func(context.Context, *booking) (endpoint.None, error) { return endpoint.None{}, nil })
	return mux
}

// errorsOf returns the member errors of a problem document.
func errorsOf(t *testing.T, h http.Handler, path, body string, header ...string) string {
	t.Helper()
	w := ask(h, "POST", path, "application/json", body, header...)
	var p struct{ Errors json.RawMessage }
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 400 {
		t.Errorf("%s %s: %d %s", path, body, w.Code, w.Body)
	}
	return string(p.Errors)
}

func TestARefusalHasAllFaultsOfARequest(t *testing.T) {
	for _, tt := range []struct {
		name, path, body string
		want             string
	}{
		{
			"everywhere", "/rooms/one?limit=x&dry=maybe", `{"from":"a","to":1,"name":5,"lines":[{"n":1},{"n":1.5,"N":2},7],"to":2}`,
			`[{"parameter":"room","in":"path","detail":"a whole number is expected, not \"one\""},` +
				`{"parameter":"limit","in":"query","detail":"a whole number is expected, not \"x\""},` +
				`{"parameter":"dry","in":"query","detail":"true or false is expected, not \"maybe\""},` +
				`{"parameter":"X-Weight","in":"header","detail":"a whole number is expected, not \"heavy\""},` +
				`{"pointer":"/from","detail":"a JSON string does not fit here"},` +
				`{"pointer":"/name","detail":"a JSON number does not fit here"},` +
				`{"pointer":"/lines/1/n","detail":"a JSON number 1.5 does not fit here"},` +
				`{"pointer":"/lines/1/N","detail":"unknown member \"N\""},` +
				`{"pointer":"/lines/2","detail":"a JSON number does not fit here"},` +
				`{"pointer":"/to","detail":"the member is there more than once"}]`,
		},
		{
			"no JSON", "/rooms/one", `{"from":"a"`,
			`[{"parameter":"room","in":"path","detail":"a whole number is expected, not \"one\""},` +
				`{"parameter":"X-Weight","in":"header","detail":"a whole number is expected, not \"heavy\""},` +
				`{"pointer":"","detail":"the body is no valid JSON: unexpected end of JSON input at byte 11"}]`,
		},
	} {
		if got := errorsOf(t, booked(), tt.path, tt.body, "X-Weight", "heavy"); got != tt.want {
			t.Errorf("%s: it has\n%s, want\n%s", tt.name, got, tt.want)
		}
	}
	for _, tt := range []struct{ path, body, want string }{
		{"/rooms/1?a=%zz&limit=x", `{}`, `[{"parameter":"","in":"query","detail":"it is malformed: invalid URL escape \"%zz\""},{"parameter":"limit","in":"query","detail":"a whole number is expected, not \"x\""}]`},
		{"/rooms/1?limit=1&limit=2", `{}`, `[{"parameter":"limit","in":"query","detail":"it is given 2 times"}]`},
		{"/rooms/1", `[]`, `[{"pointer":"","detail":"the body: a JSON array does not fit here"}]`},
		{"/rooms/1", ` `, `[{"pointer":"","detail":"a JSON body is needed"}]`},
		{"/rooms/1", `{"from":1,"from":2} x`, `[{"pointer":"","detail":"the body is no valid JSON: invalid character 'x' after top-level value at byte 21"}]`},
		{"/rooms/1", `{"lines":` + strings.Repeat("[", 101) + strings.Repeat("]", 101) + `}`, `[{"pointer":"","detail":"arrays and objects are nested deeper than 100"}]`},
		{"/rooms/1?limit=101", `{"from":2,"to":1}`, `[{"pointer":"/name","detail":"it is required"},{"parameter":"limit","in":"query","detail":"it must be at most 100"},{"pointer":"","detail":"it ends before it starts"}]`},
	} {
		if got := errorsOf(t, booked(), tt.path, tt.body); got != tt.want {
			t.Errorf("%s %s: it has\n%s, want\n%s", tt.path, tt.body, got, tt.want)
		}
	}
}

func TestTheDetailOfARefusalSumsUpItsFaults(t *testing.T) {
	w := ask(booked(), "POST", "/rooms/1?limit=x", "application/json", `{"lines":[{"n":"y"}]}`)
	const want = `query parameter limit: a whole number is expected, not "x"; lines[0].n: a JSON string does not fit here`
	if got := problemOf(t, w).Detail; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}

func TestACallerFindsEachFaultByItsPlace(t *testing.T) {
	caller, _ := serve(t, booked())
	_, err := book.Endpoint(caller)(t.Context(), &booking{Room: 1, Limit: 101, From: 1, To: 1})
	refused, ok := errors.AsType[*fault.Error](err)
	want := []fault.Violation{{Pointer: "/name", Detail: "it is required"}, {Parameter: "limit", In: "query", Detail: "it must be at most 100"}}
	if !ok || refused.Code != fault.InvalidArgument || !slices.Equal(refused.Violations, want) {
		t.Errorf("%v has the violations %+v, want %+v", err, refused.Violations, want)
	}
}

func TestTheErrorOfAHeadHasNoViolations(t *testing.T) {
	type request struct {
		N int `query:"n" json:"-"`
	}
	mux := http.NewServeMux()
	rest.Route[*request, endpoint.None]{Pattern: "HEAD /x"}.Handle(mux, func(context.Context, *request) (endpoint.None, error) { return endpoint.None{}, nil })
	got := ask(mux, "HEAD", "/x?n=y", "", "").Header().Get("X-Problem")
	if !strings.Contains(got, "query parameter n") || strings.Contains(got, "errors") {
		t.Errorf("it is %s", got)
	}
}

func TestARefusalOfManyFaultsIsBounded(t *testing.T) {
	long := strings.Repeat("é", 50_000)
	for name, body := range map[string]string{
		"wrong elements": `{"lines":[` + strings.Repeat("1,", 300_000) + `1]}`,
		"members":        `{` + strings.Repeat(`"`+strings.Repeat("é", 200)+`":1,`, 1000) + `"x":1}`,
		"a long member":  `{"lines":{"` + long + `":1,"` + long + `":2}}`,
	} {
		w := ask(booked(), "POST", "/rooms/1", "application/json", body)
		p := problemOf(t, w)
		if w.Code != 400 || len(p.Errors) == 0 || len(p.Errors) > 20 || w.Body.Len() > 32<<10 || len(p.Detail) > 5000 || !utf8.Valid(w.Body.Bytes()) {
			t.Errorf("%s: %d with %d violations in %d bytes: %.300s", name, w.Code, len(p.Errors), w.Body.Len(), w.Body)
		}
		if len(p.Errors) == 20 && !strings.HasSuffix(p.Detail, "; and more") && !strings.HasSuffix(p.Detail, "…") {
			t.Errorf("%s: nothing says that there are more: %.300s", name, p.Detail[max(len(p.Detail)-300, 0):])
		}
	}
}

func TestADecodersOwnClassStaysIfItsFaultIsTheOnlyOne(t *testing.T) {
	mux := http.NewServeMux()
	type request struct {
		Own owned `json:"own"`
		N   int   `json:"n"`
	}
	rest.Route[*request, endpoint.None]{Pattern: "POST /x"}.Handle(mux, func(context.Context, *request) (endpoint.None, error) { return endpoint.None{}, nil })
	alone := problemOf(t, ask(mux, "POST", "/x", "application/json", `{"own":1}`))
	if alone.Status != 404 || alone.Reason != "gone" || alone.Detail != "own: nothing is called 1" || len(alone.Errors) != 1 || alone.Errors[0].Pointer != "/own" {
		t.Errorf("alone it is %+v", alone)
	}
	two := problemOf(t, ask(mux, "POST", "/x", "application/json", `{"own":1,"n":"x"}`))
	if two.Status != 400 || two.Reason != "" || len(two.Errors) != 2 || two.Errors[0].Detail != "nothing is called 1" {
		t.Errorf("beside another it is %+v", two)
	}
}

// owned refuses everything with a class of its own.
type owned struct{}

func (*owned) UnmarshalJSON(text []byte) error {
	return fault.NotFound.Errorf("nothing is called %s", text).WithReason("gone")
}

// probed has members of every form.
type probed struct {
	Int    int8                  `json:"int"`
	Uint   uint                  `json:"uint"`
	Text   string                `json:"text"`
	Bool   bool                  `json:"bool"`
	Float  float32               `json:"float"`
	Quoted int                   `json:"quoted,string"`
	Number json.Number           `json:"number"`
	Time   *time.Time            `json:"time"`
	Own    *cents                `json:"own"`
	Bytes  []byte                `json:"bytes"`
	List   []*int                `json:"list"`
	Pair   [2]bool               `json:"pair"`
	ByKey  map[int]bool          `json:"by_key"`
	ByName map[string][]uint8    `json:"by/name~"`
	Any    any                   `json:"any"`
	Raw    json.RawMessage       `json:"raw"`
	Inner  struct{ Deep string } `json:"inner"`
	Next   *probed               `json:"next"`
}

// fitting and wrong are values of the members: a text, and what follows the member's own
// pointer to where it is wrong.
var (
	fitting = map[string][]string{
		"int": {"-128", "null", "7"}, "uint": {"0", "18446744073709551615"}, "text": {`"a\"b"`, "null", `""`}, "bool": {"true", "false"},
		"float": {"1.5e3", "null", "-0"}, "quoted": {`"7"`, "null", `"-1"`}, "number": {"1.50", `"7"`, "null"}, "time": {`"2026-01-02T15:04:05Z"`, "null"},
		"own": {"1.50", "null"}, "bytes": {`"AQI="`, "[1,2]", "null"}, "list": {"[]", "[1,null,3]", "null"}, "pair": {"[true]", `[true,false,"more"]`},
		"by_key": {`{"1":true,"-5":null}`, "{}", "null"}, "by/name~": {`{"a":[1],"b":null,"c":"AQI="}`}, "any": {`{"x":[1,"2"]}`, "1e9", `"x"`, "true"}, "raw": {"[{}]"},
		"inner": {`{"Deep":"x"}`, `{"deep":null,"other":[1]}`, "null"},
	}
	wrong = map[string]map[string]string{
		"int": {"128": "", "1.5": "", `"7"`: "", "{}": "", "true": ""}, "uint": {"-1": "", "18446744073709551616": "", "[]": ""}, "text": {"1": "", "[1]": "", `{"a":1}`: ""},
		"bool": {`"true"`: "", "0": ""}, "float": {"1e39": "", `"1"`: "", "false": ""}, "quoted": {"7": "", `"x"`: "", "true": ""}, "number": {`"x"`: "", "true": ""},
		"time": {`"soon"`: "", "5": ""}, "own": {`"x"`: "", "{}": ""}, "bytes": {`"%"`: "", "[256]": "/0", "true": ""}, "list": {`[1,"x"]`: "/1", "{}": "", `"1"`: ""},
		"pair": {`[true,1]`: "/1", "true": ""}, "by_key": {`{"x":true}`: "/x", `{"null":true}`: "/null", `{"":true}`: "/", `{"true":false}`: "/true", `{"9223372036854775808":true}`: "/9223372036854775808", `{"1":7}`: "/1", `{"1":true,"01":false}`: "", "[]": ""},
		"by/name~": {`{"a~/b":[1,-1]}`: "/a~0~1b/1", "7": ""}, "any": {`{"x":1,"x":2}`: "/x", "1e999": "", `[1e999]`: ""}, "raw": {`[{"a":1,"a":2}]`: "/0/a"},
		"inner": {`{"Deep":5}`: "/Deep", `{"deep":5}`: "/deep", "[]": "", "1": ""},
	}
)

// drawProbed draws the text of a probed, and the pointers to what is wrong in it.
func drawProbed(t *rapid.T, at string, depth int) (text string, pointers []string) {
	var members []string
	for _, name := range slices.Sorted(maps.Keys(fitting)) {
		pointer := at + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		switch rapid.IntRange(0, 5).Draw(t, name) {
		case 0, 1, 2:
			continue
		case 3:
			value := rapid.SampledFrom(slices.Sorted(maps.Keys(wrong[name]))).Draw(t, "wrong")
			members, pointers = append(members, fmt.Sprintf("%q: %s", name, value)), append(pointers, pointer+wrong[name][value])
		default:
			members = append(members, fmt.Sprintf("%q: %s", name, rapid.SampledFrom(fitting[name]).Draw(t, "fitting")))
		}
	}
	if depth > 0 && rapid.Bool().Draw(t, "next") {
		inner, more := drawProbed(t, at+"/next", depth-1)
		members, pointers = append(members, `"next": `+inner), append(pointers, more...)
	}
	return "{" + strings.Join(members, ", ") + " }", pointers
}

func TestTheFaultsOfABodyAreItsWrongMembers(t *testing.T) {
	mux := http.NewServeMux()
	rest.Route[*probed, endpoint.None]{Pattern: "POST /x"}.Handle(mux, func(context.Context, *probed) (endpoint.None, error) { return endpoint.None{}, nil })
	rapid.Check(t, func(t *rapid.T) {
		body, want := drawProbed(t, "", 2)
		w := ask(mux, "POST", "/x", "application/json", body)
		var p fault.Problem
		if w.Code != 204 && json.Unmarshal(w.Body.Bytes(), &p) != nil {
			t.Fatalf("%s: %d %s", body, w.Code, w.Body)
		}
		var got []string
		for _, v := range p.Errors {
			got = append(got, v.Pointer)
		}
		slices.Sort(got)
		slices.Sort(want)
		switch {
		case len(want) > 20 && len(got) == 20:
		case !slices.Equal(got, want):
			t.Fatalf("%s: the faults are at %q, want %q: %s", body, got, want, w.Body)
		}
	})
}

func FuzzFaults(f *testing.F) {
	for _, seed := range []string{
		`{"int":128,"quoted":7,"by_key":{"x":1,"1":true,"01":false},"next":{"list":[1,"x"],"own":"x"}}`, `[]`, `null`, `{"a":1,"a":2`, `{"any":{"~/":1,"~/":2}}`,
		`{"bytes":"%","raw":[{"a":1,"a":2}],"inner":{"deep":5},"time":5,"pair":[true,1,1]}`, `{"\ud83d":1}`, `{"number":"x","float":1e39,"any":1e999}`,
	} {
		f.Add(seed)
	}
	mux := http.NewServeMux()
	rest.Route[*probed, endpoint.None]{Pattern: "POST /x"}.Handle(mux, func(context.Context, *probed) (endpoint.None, error) { return endpoint.None{}, nil })
	f.Fuzz(func(t *testing.T, body string) {
		w := ask(mux, "POST", "/x", "application/json", body)
		if w.Code == 204 {
			return
		}
		p := problemOf(t, w)
		if w.Code != 400 && w.Code != 413 || w.Code == 400 && (len(p.Errors) == 0 || len(p.Errors) > 20) || w.Body.Len() > 64<<10 {
			t.Errorf("%q: %d in %d bytes: %.300s", body, w.Code, w.Body.Len(), w.Body)
		}
		for _, v := range p.Errors {
			if v.Detail == "" || v.Pointer != "" && v.Pointer[0] != '/' {
				t.Errorf("%q: %+v", body, v)
			}
		}
	})
}
