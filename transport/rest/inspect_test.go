package rest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

type line struct {
	SKU string `json:"sku"`
	N   int    `json:"n"`
}

type Address struct {
	City string `json:"city"`
}

type basket struct {
	Amount int             `json:"amount"`
	Lines  []line          `json:"lines"`
	By     map[string]line `json:"by"`
	Pair   [2]line         `json:"pair"`
	Next   *basket         `json:"next"`
	Any    any             `json:"any"`
	Raw    json.RawMessage `json:"raw"`
	Dash   int             `json:"-,"`
	Own    own             `json:"own"`
	Address
	Hidden int `json:"-"`
}

// own decodes itself, and accepts any member.
type own struct{ text string }

func (o *own) UnmarshalJSON(text []byte) error { o.text = string(text); return nil }

func TestDuplicateMembersAreRefusedAndStrictIsCaseSensitive(t *testing.T) {
	mux := http.NewServeMux()
	for path, strict := range map[string]bool{"/strict": true, "/lax": false} {
		rest.Route[*basket, endpoint.None]{Pattern: "POST " + path, Strict: strict}.Handle(mux, func(context.Context, *basket) (endpoint.None, error) { return endpoint.None{}, nil })
	}
	for body, want := range map[string]struct{ strict, lax string }{
		`{"amount":1,"AMOUNT":99}`:                      {`"AMOUNT"`, "amount"},
		`{"amount":1,"amount":99}`:                      {"amount", "amount"},
		`{"AMOUNT":1,"Amount":99}`:                      {`"AMOUNT"`, "amount"},
		`{"amount":1,"\u0061mount":99}`:                 {"amount", "amount"},
		`{"AMOUNT":99}`:                                 {`"AMOUNT"`, ""},
		`{"lines":[{"sku":"a"},{"sku":"b","SKU":"c"}]}`: {"lines[1]", "lines[1].sku"},
		`{"lines":[],"lineſ":[]}`:                       {`"lineſ"`, "lines"}, // ſ is an s of another form
		`{"by":{"a":{},"a":{}}}`:                        {"by.a", "by.a"},
		`{"by":{"a":{"n":1,"n":2}}}`:                    {"by.a.n", "by.a.n"},
		`{"by":{"a":{},"A":{}}}`:                        {"", ""},
		`{"by":{"a":{"N":1}}}`:                          {"by.a", ""},
		`{"pair":[{},{"n":1,"n":2}]}`:                   {"pair[1].n", "pair[1].n"},
		`{"next":{"next":{"amount":1,"amount":2}}}`:     {"next.next.amount", "next.next.amount"},
		`{"any":{"a":{"b":1,"b":2}}}`:                   {"any.a.b", "any.a.b"},
		`{"any":{"b":1,"B":2}}`:                         {"", ""},
		`{"raw":{"b":1,"b":2}}`:                         {"raw.b", "raw.b"},
		`{"own":{"b":[{"c":1,"c":2}]}}`:                 {"own.b[0].c", "own.b[0].c"},
		`{"own":{"b":1,"B":1}}`:                         {"", ""},
		`{"city":"x","City":"y"}`:                       {`"City"`, "city"},
		`{"-":1}`:                                       {"", ""},
		`{"Dash":1}`:                                    {`"Dash"`, ""},
		`{"Hidden":1}`:                                  {`"Hidden"`, ""},
		`{"color":1,"color":2}`:                         {`"color"`, "color"},
		`{"color":1}`:                                   {`"color"`, ""},
		`{"color":{"a":1,"a":1}}`:                       {`"color"`, "color.a"},
		`{"amount":1,"lines":[{"sku":"a","n":2}]}`:      {"", ""},
	} {
		for path, want := range map[string]string{"/strict": want.strict, "/lax": want.lax} {
			w := ask(mux, "POST", path, "application/json", body)
			switch {
			case want == "" && w.Code != 204:
				t.Errorf("%s %s: %d %s", path, body, w.Code, w.Body)
			case want != "" && (w.Code != 400 || !strings.Contains(problemOf(t, w).Detail, want)):
				t.Errorf("%s %s: %d %s, want %q", path, body, w.Code, w.Body, want)
			}
		}
	}
}

func TestADuplicateAmongManyMembersIsFound(t *testing.T) {
	mux := http.NewServeMux()
	rest.Route[*basket, endpoint.None]{Pattern: "POST /x"}.Handle(mux, func(context.Context, *basket) (endpoint.None, error) { return endpoint.None{}, nil })
	var many strings.Builder
	for n := range 1000 {
		fmt.Fprintf(&many, `"k%d":{},`, n)
	}
	for body, want := range map[string]int{`{"by":{` + many.String() + `"k":{}}}`: 204, `{"by":{` + many.String() + `"k500":{}}}`: 400} {
		if w := ask(mux, "POST", "/x", "application/json", body); w.Code != want {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

// lower is a string that is decoded in lower case, and hides its text.
type lower string

func (l *lower) UnmarshalText(text []byte) error {
	*l = lower(strings.ToLower(string(text)))
	return nil
}
func (l lower) String() string { return "hidden" }

func TestTwoNamesForOneMapKeyAreRefused(t *testing.T) {
	type request struct {
		Ints   map[int]int    `json:"ints"`
		Uints  map[uint64]int `json:"uints"`
		Lowers map[lower]int  `json:"lowers"`
		Texts  map[string]int `json:"texts"`
	}
	mux := http.NewServeMux()
	rest.Route[*request, endpoint.None]{Pattern: "POST /x"}.Handle(mux, func(context.Context, *request) (endpoint.None, error) { return endpoint.None{}, nil })
	for body, want := range map[string]int{
		`{"ints":{"1":1,"01":2}}`: 400, `{"ints":{"0":1,"-0":2}}`: 400, `{"ints":{"1":1,"+1":2}}`: 400, `{"ints":{"1":1,"-1":2}}`: 204, `{"ints":{"x":1}}`: 400,
		`{"uints":{"18446744073709551615":1,"018446744073709551615":2}}`: 400, `{"uints":{"18446744073709551615":1,"1":2}}`: 204,
		`{"lowers":{"a":1,"A":2}}`: 400, `{"lowers":{"a":1,"b":2}}`: 204, `{"texts":{"1":1,"01":2,"a":1,"A":1}}`: 204,
	} {
		if w := ask(mux, "POST", "/x", "application/json", body); w.Code != want {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
}

func TestALoneSurrogateIsRefused(t *testing.T) {
	type request struct {
		Name string         `json:"name"`
		Any  map[string]any `json:"any"`
	}
	mux := http.NewServeMux()
	rest.Route[*request, endpoint.None]{Pattern: "POST /x"}.Handle(mux, func(context.Context, *request) (endpoint.None, error) { return endpoint.None{}, nil })
	for text, want := range map[string]int{
		`\ud83d\ude00`: 204, `\uD83D\uDE00\ud83d\ude00`: 204, `\\ud83d`: 204, `\u00e9\n`: 204, `\\\ud83d\ude00`: 204,
		`\ud83d`: 400, `\ude00`: 400, `\ude00\ud83d`: 400, `\ud83d\ud83d\ude00`: 400, `\ud83dx\ude00`: 400, `\ud83d\n`: 400, `x\ud83d\u0041`: 400, `\ud83d\ude00\ude00`: 400,
		`\ud8`: 400, `\`: 400,
	} {
		for _, body := range []string{`{"name":"` + text + `"}`, `{"any":{"` + text + `":1}}`, `{"any":{"a":["` + text + `"]}}`} {
			if w := ask(mux, "POST", "/x", "application/json", body); w.Code != want {
				t.Errorf("%s: %d %s", body, w.Code, w.Body)
			}
		}
	}
}

func TestABodyHasOneMediaType(t *testing.T) {
	mux := http.NewServeMux()
	Reserve.Handle(mux, func(context.Context, *ReserveRequest) (*Stock, error) { return &Stock{}, nil })
	for _, types := range [][]string{{"application/json", "text/plain"}, {"text/plain", "application/json"}, {"application/json", "application/json"}, {"application/json, text/plain"}, {}, {""}} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/inventory/p/reserve", strings.NewReader(`{"quantity":1}`))
		r.Header["Content-Type"] = types
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code != 415 {
			t.Errorf("%q: %d", types, w.Code)
		}
	}
}

func TestAnAnswerWithADuplicateMemberIsRefused(t *testing.T) {
	for body, taken := range map[string]bool{
		`{"amount":1,"amount":99}`: false, `{"amount":1,"AMOUNT":99}`: false, `{"by":{"a":{},"a":{}}}`: false,
		`{"amount":1,"more":2}`: true, `{"AMOUNT":1}`: true,
	} {
		caller, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		_, err := rest.Route[endpoint.None, *basket]{Pattern: "GET /x"}.Endpoint(caller)(t.Context(), endpoint.None{})
		if (err == nil) != taken || !taken && fault.CodeOf(err) != fault.Internal {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestTextWithoutDuplicatesIsAcceptedAsByEncodingJSON(t *testing.T) {
	mux := http.NewServeMux()
	rest.Route[*basket, endpoint.None]{Pattern: "POST /x"}.Handle(mux, func(context.Context, *basket) (endpoint.None, error) { return endpoint.None{}, nil })
	pieces := rapid.SampledFrom([]string{`{`, `}`, `[`, `]`, `,`, `:`, `"amount"`, `"lines"`, `"any"`, `"a\"b"`, `"\u00e9"`, `1`, `-1e3`, `null`, `true`, ` `, `"`, `\`, `{"any":[1,{"x":null}]}`})
	rapid.Check(t, func(t *rapid.T) {
		body := strings.Join(rapid.SliceOf(pieces).Draw(t, "pieces"), "")
		w := ask(mux, "POST", "/x", "application/json", body)
		var want basket
		err := json.Unmarshal([]byte(body), &want)
		twice := strings.Contains(w.Body.String(), "more than once")
		if taken := w.Code == 204; taken != (err == nil && !twice) && strings.TrimSpace(body) != "null" {
			t.Fatalf("%q: %d %s, and encoding/json says %v", body, w.Code, w.Body, err)
		}
	})
}

func TestRefusalsQuoteLittleOfTheRequest(t *testing.T) {
	long := strings.Repeat("9", 900_000)
	type request struct {
		N    int           `json:"n"`
		Name quotingText   `json:"name"`
		ID   int           `query:"id" json:"-"`
		Loud *quotingText  `query:"loud" json:"-"`
		Line line          `json:"line"`
		Map  map[int]*line `json:"map"`
	}
	mux := http.NewServeMux()
	rest.Route[*request, endpoint.None]{Pattern: "POST /x", Strict: true}.Handle(mux, func(context.Context, *request) (endpoint.None, error) { return endpoint.None{}, nil })
	h := rest.ProblemMux(mux)
	for name, w := range map[string]interface{ String() string }{
		"number":       ask(h, "POST", "/x", "application/json", `{"n":`+long+`}`).Body,
		"text":         ask(h, "POST", "/x", "application/json", `{"name":"`+long+`"}`).Body,
		"member":       ask(h, "POST", "/x", "application/json", `{"`+long+`":1}`).Body,
		"member twice": ask(h, "POST", "/x", "application/json", `{"map":{"`+long+`":{},"`+long+`":{}}}`).Body,
		"key":          ask(h, "POST", "/x", "application/json", `{"map":{"`+long+`":{"n":"x"}}}`).Body,
		"parameter":    ask(h, "POST", "/x?id="+long[:30_000], "application/json", `{}`).Body,
		"own type":     ask(h, "POST", "/x?loud="+long[:30_000], "application/json", `{}`).Body,
		"query":        ask(h, "POST", "/x?%zz"+long[:30_000], "application/json", `{}`).Body,
		"media type":   ask(h, "POST", "/x", long[:30_000], `{}`).Body,
		"path":         ask(h, "GET", "/"+long[:30_000], "", "").Body,
		"method":       ask(h, "M"+long[:30_000], "/x", "", "").Body,
	} {
		if text := w.String(); len(text) > 2000 || !strings.Contains(text, `"detail"`) {
			t.Errorf("%s: %d bytes, %.200s", name, len(text), text)
		}
	}
}

// quotingText is a type whose error quotes everything that it refuses.
type quotingText string

func (s *quotingText) UnmarshalText(text []byte) error {
	return fault.InvalidArgument.Errorf("%q is nothing to shout", text)
}

func TestADuplicateParameterIsRefused(t *testing.T) {
	type request struct {
		N    int      `query:"n" json:"-"`
		Some *int     `query:"some" json:"-"`
		Tags []string `query:"tag" json:"-"`
		Who  string   `header:"X-Who" json:"-"`
	}
	mux := http.NewServeMux()
	rest.Route[*request, endpoint.None]{Pattern: "GET /x"}.Handle(mux, func(context.Context, *request) (endpoint.None, error) { return endpoint.None{}, nil })
	for target, want := range map[string]int{"/x?n=1&n=2": 400, "/x?n=1&n=1": 400, "/x?some=1&some=2": 400, "/x?tag=a&tag=b&n=1": 204, "/x?other=1&other=2": 204} {
		if w := ask(mux, "GET", target, "", ""); w.Code != want {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	_, server := serve(t, mux)
	r, _ := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/x", nil)
	r.Header["X-Who"] = []string{"ann", "bob"}
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != 400 {
		t.Errorf("a header that is there twice: %d", answer.StatusCode)
	}
}

func TestErrorsQuoteLittleOfTheAnswer(t *testing.T) {
	long := strings.Repeat("9", 900_000)
	for _, body := range []string{`{"amount":` + long + `}`, `{"lines":"` + long + `"}`, `{"` + long + `":1,"` + long + `":1}`, `{"by":{"` + long + `":{"n":` + long + `}}}`} {
		caller, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		_, err := rest.Route[endpoint.None, *basket]{Pattern: "GET /x"}.Endpoint(caller)(t.Context(), endpoint.None{})
		if fault.CodeOf(err) != fault.Internal || len(err.Error()) > 2000 {
			t.Errorf("%.60s: %.300v", body, err)
		}
	}
}
