package rest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/transport/rest"
)

// kindOfText is a string with a name.
type kindOfText string

// inner is embedded.
type inner struct {
	City  string `json:"city"`
	Shade string `json:"name"` // hidden by that of mixed
}

// mixed has a field of every kind.
type mixed struct {
	inner
	Name    string                `json:"name"`
	Small   int8                  `json:"small"`
	Whole   int64                 `json:"whole"`
	Natural uint64                `json:"natural"`
	Byte    uint8                 `json:"byte"`
	Part    float64               `json:"part"`
	Part32  float32               `json:"part32"`
	Yes     bool                  `json:"yes"`
	At      time.Time             `json:"at"`
	Until   *time.Time            `json:"until"`
	Next    *mixed                `json:"next"`
	All     []mixed               `json:"all"`
	Each    []*int                `json:"each"`
	Lists   [][]kindOfText        `json:"lists"`
	By      map[string]mixed      `json:"by"`
	Texts   map[kindOfText]string `json:"texts"`
	Numbers map[int]int           `json:"numbers"`
	Any     any                   `json:"any"`
	Raw     json.RawMessage       `json:"raw"`
	Number  json.Number           `json:"number"`
	Bytes   []byte                `json:"bytes"`
	Pair    [2]int                `json:"pair"`
	Quoted  int                   `json:"quoted,string"`
	Own     own                   `json:"own"`
	Grade   *grade                `json:"grade"`
}

// plainer is mixed without the option string, for which there is no way but one.
type plainer struct {
	inner
	Name  string               `json:"name"`
	Small int8                 `json:"small"`
	Whole int64                `json:"whole"`
	Count uint16               `json:"count"`
	Part  float64              `json:"part"`
	Half  float32              `json:"half"`
	Yes   bool                 `json:"yes"`
	At    time.Time            `json:"at"`
	Next  *plainer             `json:"next"`
	All   []plainer            `json:"all"`
	Each  []*int               `json:"each"`
	By    map[string]plainer   `json:"by"`
	Texts map[kindOfText][]int `json:"texts"`
	Any   any                  `json:"any"`
	Own   own                  `json:"own"`
	Mixed *mixed               `json:"mixed"`
}

// unmarshaling is JSON by encoding/json alone.
func unmarshaling() rest.Codec {
	codec := rest.JSON()
	return rest.Codec{Name: "plain", MediaTypes: codec.MediaTypes, Encode: codec.Encode, Decode: json.Unmarshal, IsJSON: true}
}

// twoWays reads bodies by the route alone, and by encoding/json.
type twoWays struct {
	own, plain http.Handler
	got        any // what the last request was
}

func twoWaysOf[T any](strict bool) *twoWays {
	b := &twoWays{}
	served := func(codecs rest.Codecs) http.Handler {
		mux := &logged{ServeMux: http.NewServeMux()}
		rest.Route[*T, endpoint.None]{Pattern: "POST /x", Strict: strict}.Handle(codecs.Mux(mux), func(_ context.Context, v *T) (endpoint.None, error) {
			b.got = v
			return endpoint.None{}, nil
		})
		return mux
	}
	b.own, b.plain = served(nil), served(rest.Codecs{unmarshaling()})
	return b
}

// read returns what a handler gets of a body, or the answer to it.
func (b *twoWays) read(h http.Handler, text string) any {
	if w := ask(h, "POST", "/x", "application/json", text); w.Code != http.StatusNoContent {
		return w.Body.String()
	}
	return b.got
}

// comparing are both ways to read each type.
func comparing() (all []*twoWays) {
	for _, strict := range []bool{false, true} {
		all = append(all, twoWaysOf[plainer](strict), twoWaysOf[mixed](strict))
	}
	return all
}

func checkBoth(t *testing.T, all []*twoWays, text string) {
	t.Helper()
	for _, b := range all {
		if own, plain := b.read(b.own, text), b.read(b.plain, text); !reflect.DeepEqual(own, plain) {
			t.Errorf("%s: want %+v as encoding/json has it, got %+v", text, plain, own)
		}
	}
}

// seeds are texts that are read in a way of their own.
var seeds = []string{
	`{"part":}`, `{"part":,"name":"x"}`, `{"half":}`, `{"half":[1]}`, `{"small":}`, `{"yes":}`, `{"any":}`, `{"by":{"a":}}`, `{"at":}`,
	`{"x":}`, `{"part":"x"}`, `{"part":{}}`, `{"part"`, `{"part":`, `{"small":`, `{"all":[`, `{"by":{`, `{"yes":t`, `{"name":"`, `{"x":`,
	`{}`, ` { } `, `null`, ``, `[]`, `{"name":"n"}`, `{"name":"n"}x`, `{"name":"n"} `, `{"name":"n",}`, `{"name":"n"`, `{"name"}`,
	`{"NAME":"n"}`, `{"name":"a","name":"b"}`, `{"name":"a","NAME":"b"}`, `{"x":1,"x":2}`, `{"x":1,"y":2}`, `{"x":{"a":1,"a":2}}`,
	`{"x":01}`, `{"x":tru}`, `{"x":"\ud800"}`, `{"name":"\ud83d\ude00"}`, `{"name":"\u0041\n"}`, `{"n\u0061me":"n"}`, "{\"name\":\"\x01\"}",
	"{\"name\":\"\xff\"}", `{"name":null,"small":null,"all":null,"by":null,"next":null,"at":null,"any":null,"own":null}`, `{"small":nul}`,
	`{"small":127}`, `{"small":128}`, `{"small":-128}`, `{"small":-129}`, `{"small":-0}`, `{"small":0}`, `{"small":00}`, `{"small":1.0}`,
	`{"small":1e1}`, `{"small":"1"}`, `{"small":-}`, `{"small":+1}`, `{"whole":9223372036854775807}`, `{"whole":9223372036854775808}`,
	`{"whole":-9223372036854775808}`, `{"natural":18446744073709551615}`, `{"natural":9999999999999999999}`, `{"count":65535}`,
	`{"count":65536}`, `{"count":-1}`, `{"part":-0}`, `{"part":1e400}`, `{"part":.5}`, `{"part":1.}`, `{"part":1E+2}`, `{"part":NaN}`,
	`{"half":1e39}`, `{"half":0.1}`, `{"yes":true}`, `{"yes":truee}`, `{"yes":truefalse}`, `{"yes":false}`, `{"yes":0}`, `{"at":"2026-01-02T03:04:05Z"}`,
	`{"at":"2026-01-02T03:04:05+01:00"}`, `{"at":"x"}`, `{"at":"2026-01-02T03:04:05\u005a"}`, `{"next":{"next":{"name":"x"}}}`,
	`{"all":[]}`, `{"all":[{"name":"a"},{"name":"b"},{},{},{},{}]}`, `{"all":[,]}`, `{"all":[{}`, `{"each":[1,null,2]}`, `{"by":{}}`,
	`{"by":{"a":{"name":"x"},"b":{}}}`, `{"by":{"a":{},"a":{}}}`, `{"texts":{"k":[1]}}`, `{"city":"c"}`, `{"inner":{"city":"c"}}`,
	`{"any":{"a":[1,"x",null,true]}}`, `{"any":{"a":1,"a":2}}`, `{"any":-0}`, `{"own":[1,2]}`, `{"own":{"a":1,"a":2}}`, `{"mixed":{"quoted":"1"}}`,
	`{"quoted":1}`, `{"raw": [1 , 2]}`, `{"number":1.50}`, `{"number":"1"}`, `{"bytes":"AQ=="}`, `{"bytes":"!"}`, `{"pair":[1,2,3]}`,
	`{"numbers":{"1":1,"01":2}}`, `{"grade":"a"}`, `{"next":` + strings.Repeat(`{"next":`, 120) + `{}` + strings.Repeat(`}`, 121),
	`{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"name":"n"}`, "\ufeff{}", "{\"name\":\"n\"}\x00",
}

func TestPlainJSONIsReadAsEncodingJSONReadsIt(t *testing.T) {
	all := comparing()
	for _, text := range seeds {
		checkBoth(t, all, text)
	}
}

func TestPlainAnswersAreReadAsEncodingJSONReadsThem(t *testing.T) {
	caller, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(r.Header.Get("X-Text")))
	}))
	type asking struct {
		Text string `header:"X-Text" json:"-"`
	}
	for _, text := range seeds {
		if strings.ContainsAny(text, "\x00\x01\xff\ufeff") || strings.TrimSpace(text) != text {
			continue // no header has it
		}
		read := func(codecs rest.Codecs) any {
			got, err := rest.Route[*asking, *plainer]{Pattern: "GET /x"}.Endpoint(codecs.Caller(caller))(t.Context(), &asking{text})
			if err != nil {
				return err.Error()
			}
			return got
		}
		if own, plain := read(nil), read(rest.Codecs{unmarshaling()}); !reflect.DeepEqual(own, plain) {
			t.Errorf("%s: want %+v as encoding/json has it, got %+v", text, plain, own)
		}
	}
}

// someJSON draws JSON with the members of plainer, most of it fitting.
func someJSON(t *rapid.T, depth int) string {
	of := func(least int) string {
		if depth > 3 {
			return "null"
		}
		if least == 0 {
			return someJSON(t, depth+1)
		}
		var all []string
		for range rapid.IntRange(0, 5).Draw(t, "length") {
			all = append(all, someJSON(t, depth+1))
		}
		return "[" + strings.Join(all, ", ") + "]"
	}
	number := rapid.SampledFrom([]string{"0", "1", "-7", "127", "128", "65536", "2.0", "1.5", "-0", "1e2", "9223372036854775807", "null", `"7"`})
	text := rapid.SampledFrom([]string{`""`, `"a"`, `"é"`, `"\n"`, `"<&>"`, `"😀"`, `"\ud83d"`, "null", "1", `"2026-01-02T03:04:05Z"`})
	var members []string
	for range rapid.IntRange(0, 5).Draw(t, "members") {
		name := rapid.SampledFrom([]string{
			"name", "small", "whole", "count", "part", "half", "yes", "at", "next", "all", "each", "by", "texts", "any", "own", "mixed", "city",
			"Name", "other", "natural", "quoted", "pair", "bytes", "raw",
		}).Draw(t, "name")
		value := ""
		switch name {
		case "name", "at", "city", "Name", "bytes":
			value = text.Draw(t, "text")
		case "small", "whole", "count", "part", "half", "natural", "quoted":
			value = number.Draw(t, "number")
		case "yes":
			value = rapid.SampledFrom([]string{"true", "false", "null", "0"}).Draw(t, "bool")
		case "all":
			value = of(1)
		case "each", "pair":
			value = "[" + number.Draw(t, "first") + "," + number.Draw(t, "second") + "]"
		case "by":
			value = `{"a":` + of(0) + `,"` + rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key") + `":` + of(0) + "}"
		case "texts":
			value = `{"a":[` + number.Draw(t, "of text") + "]}"
		default:
			value = of(rapid.IntRange(0, 1).Draw(t, "list"))
		}
		members = append(members, `"`+name+`":`+rapid.SampledFrom([]string{"", " ", "\n"}).Draw(t, "space")+value)
	}
	return "{" + strings.Join(members, ",") + "}"
}

func TestAnyJSONIsReadAsEncodingJSONReadsIt(t *testing.T) {
	all := comparing()
	rapid.Check(t, func(rt *rapid.T) { checkBoth(t, all, someJSON(rt, 0)) })
}

func TestBrokenJSONIsRefusedAsEncodingJSONRefusesIt(t *testing.T) {
	all := comparing()
	rapid.Check(t, func(rt *rapid.T) {
		text := []byte(someJSON(rt, 0))
		for range rapid.IntRange(1, 3).Draw(rt, "edits") {
			at := rapid.IntRange(0, len(text)).Draw(rt, "at")
			until := min(at+rapid.IntRange(0, 2).Draw(rt, "less"), len(text))
			more := rapid.SampledFrom([]string{"", "{", "}", "[", "]", ",", ":", `"`, `\`, "0", "-", ".", "e", "null", "true", " ", "\x00", "\xff"}).Draw(rt, "more")
			text = slices.Concat(text[:at], []byte(more), text[until:])
		}
		checkBoth(t, all, string(text))
	})
}

// FuzzPlainJSON compares what a handler gets of any body with what encoding/json reads.
func FuzzPlainJSON(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	all := comparing()
	f.Fuzz(func(t *testing.T, text string) { checkBoth(t, all, text) })
}
