package rest_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"iter"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/idempotency"
	"github.com/sinew-go/sinew/transport/rest"
	"github.com/sinew-go/sinew/transport/rest/middleware"
)

// asXML is a codec that knows no json tags.
func asXML() rest.Codec {
	return rest.Codec{
		Name: "xml", MediaTypes: []string{"application/xml", "text/xml"}, Decode: xml.Unmarshal,
		Encode: func(buffer []byte, v any) ([]byte, error) {
			text, err := xml.Marshal(v)
			return append(buffer, text...), err
		},
	}
}

type renamed struct {
	ID   string `path:"id" json:"-"`
	By   string `query:"by" json:"-"`
	Name string `json:"name"`
}

func (r *renamed) Validate() error {
	if r.Name == "bad" {
		return fault.Violation{Pointer: "/name", Detail: "it is bad"}
	}
	return nil
}

type thing struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	By   string `json:"by,omitempty"`
}

var rename = rest.Route[*renamed, *thing]{Pattern: "POST /things/{id}"}

func renaming(_ context.Context, r *renamed) (*thing, error) {
	if r.Name == "nobody" {
		return nil, fault.NotFound.Errorf("there is no such thing")
	}
	return &thing{r.ID, r.Name, r.By}, nil
}

// speaking serves the route with XML beside JSON.
func speaking() http.Handler {
	mux := http.NewServeMux()
	rename.Handle(rest.Codecs{asXML()}.Mux(mux), renaming)
	return mux
}

const (
	xmlBody   = "<renamed><Name>n</Name></renamed>"
	xmlAnswer = "<thing><ID>7</ID><Name>n</Name><By></By></thing>"
)

func TestTheContentTypeChoosesTheDecoderAndAcceptTheEncoder(t *testing.T) {
	for _, c := range []struct{ kind, body, accept, wantType, want string }{
		{"application/json", `{"name":"n"}`, "", "application/json", `{"id":"7","name":"n"}`},
		{"application/json", `{"name":"n"}`, "*/*", "application/json", `{"id":"7","name":"n"}`},
		{"application/json", `{"name":"n"}`, "text/*", "text/xml", xmlAnswer},
		{"application/json", `{"name":"n"}`, "application/*", "application/json", `{"id":"7","name":"n"}`},
		{"application/json", `{"name":"n"}`, "application/xml", "application/xml", xmlAnswer},
		{"text/xml; charset=UTF-8", xmlBody, "", "application/json", `{"id":"7","name":"n"}`},
		{"application/xml", xmlBody, "application/json;q=0.5, application/xml", "application/xml", xmlAnswer},
		{"application/xml", xmlBody, "application/json;q=0.5, application/xml;q=0.4", "application/json", `{"id":"7","name":"n"}`},
		{"application/xml", xmlBody, "application/json;q=0, */*", "application/xml", xmlAnswer},
		{"application/xml", xmlBody, "text/html, */*;q=0.1", "application/json", `{"id":"7","name":"n"}`},
		{"application/xml", xmlBody, "///, ;;", "application/json", `{"id":"7","name":"n"}`},
		{"application/xml", xmlBody, "application/xml;q=NaN", "application/xml", xmlAnswer},
	} {
		w := ask(speaking(), "POST", "/things/7", c.kind, c.body, "Accept", c.accept)
		if w.Code != 200 || w.Header().Get("Content-Type") != c.wantType || w.Body.String() != c.want {
			t.Errorf("%s, accepting %q: want %s %s, got %d %s %s", c.kind, c.accept, c.wantType, c.want, w.Code, w.Header(), w.Body)
		}
		if got := w.Header().Values("Vary"); !slices.Equal(got, []string{"Accept"}) {
			t.Errorf("accepting %q: want Vary of Accept, got %v", c.accept, got)
		}
	}
}

func TestARefusalNamesTheMediaTypesThatAreSpoken(t *testing.T) {
	p := problemOf(t, ask(speaking(), "POST", "/things/7", "application/cbor", "x"))
	if want := `the body must be application/json or application/xml or text/xml; its Content-Type is "application/cbor"`; p.Status != 415 || p.Detail != want {
		t.Errorf("want 415 and %q, got %d and %q", want, p.Status, p.Detail)
	}
	for _, charset := range []string{"application/xml; charset=latin1", "application/xml, application/json"} {
		if p := problemOf(t, ask(speaking(), "POST", "/things/7", charset, xmlBody)); p.Status != 415 {
			t.Errorf("%s: want 415, got %d", charset, p.Status)
		}
	}
	ran := false
	mux := http.NewServeMux()
	rename.Handle(rest.Codecs{asXML()}.Mux(mux), func(context.Context, *renamed) (*thing, error) { ran = true; return nil, nil })
	p = problemOf(t, ask(mux, "POST", "/things/7", "application/json", `{}`, "Accept", "image/png, application/json;q=0"))
	if want := `the answer can be application/json or application/xml or text/xml, and Accept is "image/png, application/json;q=0"`; p.Status != 406 || p.Detail != want {
		t.Errorf("want 406 and %q, got %d and %q", want, p.Status, p.Detail)
	}
	if ran {
		t.Error("a request whose answer would not be accepted ran")
	}
}

func TestJSONAloneIsAnsweredWithoutVary(t *testing.T) {
	w := ask(reserving(), "POST", "/inventory/p/reserve", "application/json", `{"quantity":1}`, "Accept", "application/json")
	if w.Code != 200 || w.Header()["Vary"] != nil {
		t.Errorf("want 200 without Vary, got %d %v", w.Code, w.Header())
	}
	for accept, status := range map[string]int{
		"application/json, text/plain, */*": 200, "text/html,*/*;q=0.8": 200, "application/*": 200, "*/*;q=0": 406, "application/json;q=0, */*": 406,
		"text/html, application/jsonp": 406, "*/*, application/json;q=0": 406, ",": 200,
	} {
		if w := ask(reserving(), "POST", "/inventory/p/reserve", "application/json", `{"quantity":1}`, "Accept", accept); w.Code != status {
			t.Errorf("accepting %q: want %d, got %d", accept, status, w.Code)
		}
	}
	if w = ask(reserving(), "POST", "/inventory/p/reserve", "application/json", `{"quantity":1}`, "Accept", "text/html"); w.Code != 406 {
		t.Errorf("a caller that accepts HTML alone: want 406, got %d", w.Code)
	}
}

func TestFailuresAreProblemDocumentsUnderAnyCodec(t *testing.T) {
	for body, status := range map[string]int{
		"<renamed><Name>nobody</Name></renamed>": 404, "<renamed><Name>bad</Name></renamed>": 400, "<renamed": 400, "": 400,
	} {
		w := ask(speaking(), "POST", "/things/7", "application/xml", body, "Accept", "application/xml")
		if p := problemOf(t, w); p.Status != status {
			t.Errorf("%s: want %d, got %d", body, status, p.Status)
		}
	}
}

func TestABodyThatAnotherCodecRefusesIsOneBoundedFault(t *testing.T) {
	codec := asXML()
	codec.Decode = func([]byte, any) error { return errors.New(strings.Repeat("no ", 10_000)) }
	mux := http.NewServeMux()
	rename.Handle(rest.Codecs{codec}.Mux(mux), renaming)
	p := problemOf(t, ask(mux, "POST", "/things/7?by=a&by=b", "text/xml", "x"))
	if p.Status != 400 || len(p.Errors) != 2 {
		t.Fatalf("want 400 with the body's fault and that of the query, got %d %v", p.Status, p.Errors)
	}
	detail := p.Errors[0].Detail + p.Errors[1].Detail
	if !strings.Contains(detail, "the body cannot be read as text/xml: no no") || len(detail) > 1000 {
		t.Errorf("want the decoder's text, shortened, got %q", detail)
	}
}

func TestABodyOfAnotherCodecSetsNoParameter(t *testing.T) {
	w := ask(speaking(), "POST", "/things/7", "text/xml", "<renamed><ID>8</ID><By>mallory</By><Name>n</Name></renamed>")
	if want := `{"id":"7","name":"n"}`; w.Body.String() != want {
		t.Errorf("want %s, got %s", want, w.Body)
	}
}

func TestABodyOfAnotherCodecIsBounded(t *testing.T) {
	route := rename
	route.MaxBody = 10
	mux := http.NewServeMux()
	route.Handle(rest.Codecs{asXML()}.Mux(mux), renaming)
	if w := ask(mux, "POST", "/things/7", "text/xml", xmlBody); w.Code != 413 {
		t.Errorf("want 413, got %d", w.Code)
	}
}

func TestACodecThatPanicsIsAnInternalFailure(t *testing.T) {
	for name, codec := range map[string]rest.Codec{
		"Decode": {Encode: asXML().Encode, Decode: func([]byte, any) error { panic("boom") }},
		"Encode": {Decode: asXML().Decode, Encode: func([]byte, any) ([]byte, error) { panic("boom") }},
	} {
		codec.Name, codec.MediaTypes = "broken", asXML().MediaTypes
		mux := &logged{ServeMux: http.NewServeMux()}
		rename.Handle(rest.Codecs{codec}.Mux(mux), renaming)
		w := ask(mux, "POST", "/things/7", "text/xml", xmlBody, "Accept", "text/xml")
		if p := problemOf(t, w); p.Status != 500 || strings.Contains(w.Body.String(), "boom") {
			t.Errorf("%s panics: want 500 without the cause, got %d %s", name, w.Code, w.Body)
		}
		if !strings.Contains(mux.buffer.String(), "boom") {
			t.Errorf("%s panics: the log does not say so: %s", name, &mux.buffer)
		}
		caller, _ := serve(t, speaking())
		_, err := rename.Endpoint(rest.Codecs{codec, rest.JSON()}.Caller(caller))(t.Context(), &renamed{ID: "7", Name: "n"})
		if !errors.Is(err, fault.Internal) || !strings.Contains(err.Error(), "the codec broken panicked: boom") {
			t.Errorf("%s panics at a caller: want fault.Internal, got %v", name, err)
		}
	}
}

func TestACallerSendsItsFirstCodecAndAcceptsAll(t *testing.T) {
	var header http.Header
	var body []byte
	caller, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		_, _ = io.WriteString(w, xmlAnswer)
	}))
	for _, c := range []struct {
		codecs             rest.Codecs
		kind, accept, body string
	}{
		{rest.Codecs{asXML()}, "application/json", "application/json, application/xml;q=0.9, text/xml;q=0.8", `{"name":"n"}`},
		{rest.Codecs{asXML(), rest.JSON()}, "application/xml", "application/xml, text/xml;q=0.9, application/json;q=0.8",
			"<renamed><ID>7</ID><By></By><Name>n</Name></renamed>"},
	} {
		got, err := rename.Endpoint(c.codecs.Caller(caller))(t.Context(), &renamed{ID: "7", Name: "n"})
		if err != nil || *got != (thing{"7", "n", ""}) {
			t.Errorf("want the answer in XML, got %v %v", got, err)
		}
		if header.Get("Content-Type") != c.kind || header.Get("Accept") != c.accept || string(body) != c.body {
			t.Errorf("want %s, accepting %s, got %v %s", c.kind, c.accept, header, body)
		}
	}
	_, err := rename.Endpoint(caller)(t.Context(), &renamed{ID: "7"})
	if header["Accept"] != nil || !errors.Is(err, fault.Internal) {
		t.Errorf("a caller of JSON alone: want no Accept and fault.Internal, got %v %v", header, err)
	}
}

func TestAnAnswerInAFormThatNobodyAcceptsIsTheCalleesFailure(t *testing.T) {
	caller, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html>")
	}))
	_, err := rename.Endpoint(rest.Codecs{asXML()}.Caller(caller))(t.Context(), &renamed{ID: "7"})
	if !errors.Is(err, fault.Internal) || !strings.Contains(err.Error(), `Content-Type is "text/html"`) {
		t.Errorf("want fault.Internal that names the type, got %v", err)
	}
}

func TestACodecIsOnlyForItsTypes(t *testing.T) {
	codec := asXML()
	codec.MediaTypes = []string{"application/json"}
	codec.Types = func(t reflect.Type) bool { return t == reflect.TypeFor[thing]() }
	mux := http.NewServeMux()
	rename.Handle(rest.Codecs{codec}.Mux(mux), renaming)
	w := ask(mux, "POST", "/things/7", "application/json", `{"name":"n"}`)
	if w.Body.String() != xmlAnswer || w.Header().Get("Content-Type") != "application/json" || w.Header()["Vary"] != nil {
		t.Errorf("want encoding/json for the request and the codec for the answer, got %s %v", w.Body, w.Header())
	}
}

func TestAReplayedAnswerHasItsMediaType(t *testing.T) {
	route := rename
	route.Keyed = true
	store := idempotency.NewMemory()
	mux := &storing{http.NewServeMux(), store}
	ran := 0
	route.Handle(rest.Codecs{asXML()}.Mux(mux), func(ctx context.Context, r *renamed) (*thing, error) {
		ran++
		answer, _ := renaming(ctx, r)
		if r.By == "saved" {
			return answer, idempotency.SaveAnswer(ctx, store, answer)
		}
		return answer, nil
	})
	for _, path := range []string{"/things/7", "/things/7?by=saved"} {
		ran = 0
		want := ""
		for n, accept := range []string{"text/xml", "text/xml", "application/json"} {
			w := ask(mux, "POST", path, "application/json", `{"name":"n"}`, "Idempotency-Key", path, "Accept", accept)
			if n == 0 {
				want = w.Body.String()
			}
			if w.Code != 200 || w.Header().Get("Content-Type") != "text/xml" || w.Body.String() != want || !strings.HasPrefix(want, "<thing>") {
				t.Errorf("%s, answer %d: want %s as text/xml, got %d %v %s", path, n+1, want, w.Code, w.Header(), w.Body)
			}
		}
		if ran != 1 {
			t.Errorf("%s: it ran %d times", path, ran)
		}
	}
}

func TestCodecsGoWithHeadTagsCompressionAndPages(t *testing.T) {
	mux := http.NewServeMux()
	codecs := rest.Codecs{asXML()}
	rest.Route[endpoint.None, *rest.Page[thing]]{Pattern: "GET /things"}.Handle(codecs.Mux(mux), func(context.Context, endpoint.None) (*rest.Page[thing], error) {
		return &rest.Page[thing]{Items: slices.Repeat([]thing{{ID: "7"}}, 100), Next: "n"}, nil
	})
	h := middleware.Compression{}.Middleware()(middleware.ETag{}.Middleware()(mux))
	inJSON := ask(h, "GET", "/things", "", "", "Accept", "application/json")
	inXML := ask(h, "GET", "/things", "", "", "Accept", "application/xml")
	if inJSON.Header().Get("Etag") == inXML.Header().Get("Etag") || inXML.Header().Get("Etag") == "" {
		t.Error("two forms of one answer have one ETag")
	}
	if !strings.Contains(inXML.Body.String(), "<Next>n</Next>") || !strings.Contains(inJSON.Body.String(), `"next":"n"`) {
		t.Errorf("want pages, got %s and %s", inXML.Body, inJSON.Body)
	}
	w := ask(h, "GET", "/things", "", "", "Accept", "application/xml", "If-None-Match", inXML.Header().Get("Etag"))
	if w.Code != 304 || !slices.Contains(w.Header().Values("Vary"), "Accept") {
		t.Errorf("want 304 that varies by Accept, got %d %v", w.Code, w.Header())
	}
	w = ask(h, "GET", "/things", "", "", "Accept", "application/xml", "Accept-Encoding", "gzip")
	if w.Header().Get("Content-Encoding") != "gzip" || !slices.Contains(w.Header().Values("Vary"), "Accept") || !slices.Contains(w.Header().Values("Vary"), "Accept-Encoding") {
		t.Errorf("want a compressed answer that varies by both, got %v", w.Header())
	}
	_, server := serve(t, h)
	r, _ := http.NewRequestWithContext(t.Context(), "HEAD", server.URL+"/things", nil)
	r.Header.Set("Accept", "text/xml")
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.Header.Get("Content-Type") != "text/xml" {
		t.Errorf("HEAD: want the media type of a GET, got %v", answer.Header)
	}
}

func TestAGatewayForwardsWhatBothEndsSpeak(t *testing.T) {
	behind, _ := serve(t, speaking())
	mux := http.NewServeMux()
	rename.Forward(mux, behind)
	caller, _ := serve(t, mux)
	got, err := rename.Endpoint(rest.Codecs{asXML(), rest.JSON()}.Caller(caller))(t.Context(), &renamed{ID: "7", Name: "n", By: "b"})
	if err != nil || *got != (thing{"7", "n", "b"}) {
		t.Errorf("want the answer through the gateway, got %v %v", got, err)
	}
	w := ask(mux, "POST", "/things/7", "application/xml", xmlBody, "Accept", "application/xml")
	if w.Header().Get("Content-Type") != "application/xml" || w.Body.String() != xmlAnswer || w.Header().Get("Vary") != "Accept" {
		t.Errorf("want the callee's answer, got %v %s", w.Header(), w.Body)
	}
}

func TestStreamsAndWholeBodiesHaveNoCodec(t *testing.T) {
	mux := http.NewServeMux()
	all := rest.Codecs{asXML()}.Mux(mux)
	rest.Route[endpoint.None, iter.Seq2[thing, error]]{Pattern: "GET /stream"}.Handle(all, func(context.Context, endpoint.None) (iter.Seq2[thing, error], error) {
		return func(yield func(thing, error) bool) { yield(thing{ID: "7"}, nil) }, nil
	})
	type raw struct {
		Content []byte `body:"image/png"`
	}
	rest.Route[*raw, *raw]{Pattern: "POST /raw"}.Handle(all, func(_ context.Context, r *raw) (*raw, error) { return r, nil })
	rest.Route[endpoint.None, endpoint.None]{Pattern: "POST /none"}.Handle(all, func(context.Context, endpoint.None) (endpoint.None, error) { return endpoint.None{}, nil })
	if w := ask(mux, "GET", "/stream", "", "", "Accept", "application/x-ndjson"); w.Body.String() != "{\"id\":\"7\",\"name\":\"\"}\n" {
		t.Errorf("want lines of JSON, got %q", w.Body)
	}
	if w := ask(mux, "POST", "/raw", "image/png", "bytes", "Accept", "application/xml"); w.Code != 200 || w.Body.String() != "bytes" {
		t.Errorf("want the bytes, got %d %s", w.Code, w.Body)
	}
	if w := ask(mux, "POST", "/none", "", "", "Accept", "image/png"); w.Code != 204 {
		t.Errorf("an answer without a body: want 204, got %d", w.Code)
	}
}

func TestOpenAPIListsTheMediaTypes(t *testing.T) {
	all := &handlersOf{}
	codec := asXML()
	codec.Schema = func(reflect.Type) (map[string]any, map[string]map[string]any) {
		return map[string]any{"$ref": "#/components/schemas/xml.Thing"}, map[string]map[string]any{"xml.Thing": {"type": "object"}}
	}
	rename.Handle(rest.Codecs{codec}.Mux(all), renaming)
	text, err := json.Marshal(rest.OpenAPI("t", "1", all.all...))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"requestBody":{"content":{"application/json":{"schema":{`, `"text/xml":{"schema":{"$ref":"#/components/schemas/xml.Thing"}}`,
		`"xml.Thing":{"type":"object"}`, `The caller accepts no application/json or application/xml or text/xml.`,
		`The body is not declared as application/json or application/xml or text/xml.`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the document has no %s: %s", want, text)
		}
	}
}

func TestCodecsThatCannotWorkAreRefused(t *testing.T) {
	for want, broken := range map[string]rest.Codec{
		"no Name":              {MediaTypes: []string{"a/b"}, Encode: asXML().Encode, Decode: asXML().Decode},
		"both needed":          {Name: "n", MediaTypes: []string{"a/b"}, Encode: asXML().Encode},
		"no MediaTypes":        {Name: "n", Encode: asXML().Encode, Decode: asXML().Decode},
		"no media type":        {Name: "n", MediaTypes: []string{"A/b;c=d"}, Encode: asXML().Encode, Decode: asXML().Decode},
		"failures or of strea": {Name: "n", MediaTypes: []string{fault.ProblemType}, Encode: asXML().Encode, Decode: asXML().Decode},
	} {
		if err := (rest.Codecs{broken}).Validate(); !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error about %s, got %v", want, err)
		}
	}
}

// FuzzABodyOfAnotherCodec sends any body under a second codec, which is never a failure of
// the service.
func FuzzABodyOfAnotherCodec(f *testing.F) {
	f.Add([]byte(xmlBody), "application/xml", "text/xml")
	f.Add([]byte("<renamed><ID>\x00</ID>"), "text/xml;charset=utf-8", "*/*;q=0.1, text/xml;q=2")
	f.Add([]byte("<a><a><a>"), "text/xml", "")
	f.Fuzz(func(t *testing.T, body []byte, kind, accept string) {
		w := ask(speaking(), "POST", "/things/7", kind, string(body), "Accept", accept)
		if w.Code >= 500 {
			t.Errorf("want no 5xx, got %d %s", w.Code, w.Body)
		}
	})
}
