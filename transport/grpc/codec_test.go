package grpc_test

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	channelz "google.golang.org/grpc/channelz/grpc_channelz_v1"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/transport/grpc"
	"github.com/sinew-go/sinew/transport/rest"
)

// restCodecs are those of the tests.
var restCodecs = rest.Codecs{grpc.ProtoJSON(), grpc.Protobuf()}

// routesMux collects the handlers of routes.
type routesMux struct {
	*http.ServeMux
	all []http.Handler
}

func (m *routesMux) Handle(pattern string, h http.Handler) {
	m.all = append(m.all, h)
	m.ServeMux.Handle(pattern, h)
}

// restOf is a mux with routes of messages.
func restOf() *routesMux {
	mux := &routesMux{ServeMux: http.NewServeMux()}
	echoRoute(mux, "POST /traces", &channelz.ChannelTrace{})
	echoRoute(mux, "PUT /resources/{resource_name}", &errdetails.ResourceInfo{})
	echoRoute(mux, "GET /resources/{resource_name}", &errdetails.ResourceInfo{})
	echoRoute(mux, "POST /infos", &errdetails.ErrorInfo{})
	rest.Route[*errdetails.ErrorInfo, *errdetails.ErrorInfo]{Pattern: "POST /strict", Strict: true}.
		Handle(restCodecs.Mux(mux), func(_ context.Context, m *errdetails.ErrorInfo) (*errdetails.ErrorInfo, error) { return m, nil })
	return mux
}

// echoRoute serves a route that answers with its request.
func echoRoute[M proto.Message](mux rest.Mux, pattern string, _ M) {
	rest.Route[M, M]{Pattern: pattern}.Handle(restCodecs.Mux(mux), func(_ context.Context, m M) (M, error) { return m, nil })
}

// asked sends a raw request to a handler.
func asked(h http.Handler, method, path, kind, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func someTrace() *channelz.ChannelTrace {
	return &channelz.ChannelTrace{
		NumEventsLogged:   1 << 60,
		CreationTimestamp: timestamppb.New(time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.UTC)),
		Events: []*channelz.ChannelTraceEvent{{
			Description: "<a>", Severity: channelz.ChannelTraceEvent_CT_WARNING,
			ChildRef: &channelz.ChannelTraceEvent_ChannelRef{ChannelRef: &channelz.ChannelRef{ChannelId: 7}},
		}},
	}
}

func TestARouteOfMessagesSpeaksProtobufJSON(t *testing.T) {
	const body = `{"numEventsLogged":"1152921504606846976","creationTimestamp":"2026-01-02T03:04:05.006Z",` +
		`"events":[{"description":"<a>","severity":"CT_WARNING","channelRef":{"channelId":"7"}}]}`
	w := asked(restOf(), "POST", "/traces", "application/json", body)
	if w.Code != 200 || w.Body.String() != body || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("want %s, got %d %v %s", body, w.Code, w.Header(), w.Body)
	}
}

func TestARouteOfMessagesSpeaksBinaryProtobuf(t *testing.T) {
	sent, err := proto.Marshal(someTrace())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"application/protobuf", "application/x-protobuf"} {
		w := asked(restOf(), "POST", "/traces", kind, string(sent), "Accept", kind)
		got := &channelz.ChannelTrace{}
		if err := proto.Unmarshal(w.Body.Bytes(), got); err != nil || !proto.Equal(got, someTrace()) || w.Header().Get("Content-Type") != kind {
			t.Errorf("%s: want what was sent, got %d %v %v", kind, w.Code, w.Header(), err)
		}
	}
	w := asked(restOf(), "POST", "/traces", "application/protobuf", "", "Accept", "application/protobuf")
	if w.Code != 200 || w.Body.Len() > 0 || w.Header().Get("Content-Type") != "application/protobuf" {
		t.Errorf("the empty message: want no bytes of its type, got %d %v %q", w.Code, w.Header(), w.Body)
	}
}

func TestCallersSendMessagesInEitherForm(t *testing.T) {
	server := httptest.NewServer(restOf())
	defer server.Close()
	route := rest.Route[*channelz.ChannelTrace, *channelz.ChannelTrace]{Pattern: "POST /traces"}
	for _, codecs := range []rest.Codecs{{grpc.ProtoJSON()}, {grpc.Protobuf()}, restCodecs} {
		got, err := route.Endpoint(codecs.Caller(rest.Remote(server.URL, server.Client())))(t.Context(), someTrace())
		if err != nil || !proto.Equal(got, someTrace()) {
			t.Errorf("%s: want what was sent, got %v %v", codecs[0].Name, got, err)
		}
	}
}

func TestAFieldWithTheNameOfAVariableIsInThePath(t *testing.T) {
	w := asked(restOf(), "PUT", "/resources/r-1", "application/json", `{"resourceName":"mallory","owner":"o"}`)
	if want := `{"resourceName":"r-1","owner":"o"}`; w.Body.String() != want {
		t.Errorf("want %s, got %d %s", want, w.Code, w.Body)
	}
	w = asked(restOf(), "GET", "/resources/r-1?owner=o&resource_type=t", "", "")
	if want := `{"resourceType":"t","resourceName":"r-1","owner":"o"}`; w.Body.String() != want {
		t.Errorf("want %s, got %d %s", want, w.Code, w.Body)
	}
	server := httptest.NewServer(restOf())
	defer server.Close()
	for _, pattern := range []string{"PUT /resources/{resource_name}", "GET /resources/{resource_name}"} {
		sent := &errdetails.ResourceInfo{ResourceName: "r/1", Owner: "o"}
		got, err := rest.Route[*errdetails.ResourceInfo, *errdetails.ResourceInfo]{Pattern: pattern}.
			Endpoint(restCodecs.Caller(rest.Remote(server.URL, server.Client())))(t.Context(), sent)
		if err != nil || !proto.Equal(got, sent) {
			t.Errorf("%s: want what was sent, got %v %v", pattern, got, err)
		}
	}
}

func TestABodyThatIsNoMessageIsTheSendersFault(t *testing.T) {
	for _, c := range [][2]string{
		{"application/json", `{"numEventsLogged":"x"}`}, {"application/json", `{"events":[],"events":[]}`}, {"application/json", ``},
		{"application/json", `{"creationTimestamp":"yesterday"}`}, {"application/protobuf", "\xff\xff"},
	} {
		w := asked(restOf(), "POST", "/traces", c[0], c[1])
		if w.Code != 400 || !strings.Contains(w.Body.String(), "the body cannot be read as "+c[0]) || strings.Contains(w.Body.String(), "\u00a0") {
			t.Errorf("%s %q: want 400 with the decoder's text, got %d %s", c[0], c[1], w.Code, w.Body)
		}
	}
}

func TestAStrictRouteRefusesUnknownMembersOfAMessage(t *testing.T) {
	if w := asked(restOf(), "POST", "/infos", "application/json", `{"reason":"r","other":1}`); w.Code != 200 {
		t.Errorf("without Strict: want 200, got %d %s", w.Code, w.Body)
	}
	if w := asked(restOf(), "POST", "/strict", "application/json", `{"reason":"r","other":1}`); w.Code != 400 {
		t.Errorf("with Strict: want 400, got %d %s", w.Code, w.Body)
	}
	if w := asked(restOf(), "POST", "/strict", "application/protobuf", ""); w.Code != 415 {
		t.Errorf("binary, with Strict: want 415, got %d %s", w.Code, w.Body)
	}
}

func TestWhatEncodingJSONCannotWritePanics(t *testing.T) {
	for want, handle := range map[string]func(){
		"grpc.ProtoJSON()": func() {
			rest.Route[*errdetails.ErrorInfo, endpoint.None]{Pattern: "POST /infos"}.Handle(http.NewServeMux(),
				func(context.Context, *errdetails.ErrorInfo) (endpoint.None, error) { return endpoint.None{}, nil })
		},
		"a stream of package transport/grpc": func() {
			rest.Route[endpoint.None, iter.Seq2[*errdetails.ErrorInfo, error]]{Pattern: "GET /infos"}.Handle(restCodecs.Mux(http.NewServeMux()),
				func(context.Context, endpoint.None) (iter.Seq2[*errdetails.ErrorInfo, error], error) { return nil, nil })
		},
	} {
		func() {
			defer func() {
				if p, _ := recover().(string); !strings.Contains(p, want) {
					t.Errorf("want a panic that names %s, got %q", want, p)
				}
			}()
			handle()
		}()
	}
}

func TestOtherTypesStayWhatEncodingJSONMakesOfThem(t *testing.T) {
	type order struct {
		PlacedAt time.Time `json:"placed_at"`
		Lines    []int64   `json:"lines"`
	}
	mux := http.NewServeMux()
	rest.Route[*order, *order]{Pattern: "POST /orders"}.Handle(restCodecs.Mux(mux), func(_ context.Context, o *order) (*order, error) { return o, nil })
	w := asked(mux, "POST", "/orders", "application/json", `{"placed_at":"2026-01-02T03:04:05Z"}`)
	if want := `{"placed_at":"2026-01-02T03:04:05Z","lines":[]}`; w.Body.String() != want {
		t.Errorf("want %s, got %s", want, w.Body)
	}
}

func TestTheDocumentDescribesMessagesAsTheyAreWritten(t *testing.T) {
	text, err := json.Marshal(rest.OpenAPI("t", "1", restOf().all...))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"creationTimestamp":{"format":"date-time","type":"string"}`,
		`"numEventsLogged":{"format":"int64","pattern":"^-?[0-9]+$","type":"string"}`,
		`"events":{"items":{"$ref":"#/components/schemas/grpc.channelz.v1.ChannelTraceEvent"},"type":"array"}`,
		`"severity":{"anyOf":[{"enum":["CT_UNKNOWN","CT_INFO","CT_WARNING","CT_ERROR"],"type":"string"},{"format":"int32","type":"integer"}]}`,
		`"metadata":{"additionalProperties":{"type":"string"},"type":"object"}`,
		`"application/json":{"schema":{"$ref":"#/components/schemas/grpc.channelz.v1.ChannelTrace"}},"application/protobuf":{}`,
		`{"in":"path","name":"resource_name","required":true,"schema":{"type":"string"}}`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the document has no %s: %s", want, text)
		}
	}
}

func TestTheSchemaOfAMessageNamesWhatIsWritten(t *testing.T) {
	for _, m := range []proto.Message{
		someTrace(), &errdetails.ErrorInfo{Reason: "r", Metadata: map[string]string{"a": "b"}},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(1500 * time.Millisecond)},
	} {
		text, err := protojson.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]any
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatal(err)
		}
		_, named := grpc.ProtoJSON().Schema(reflect.TypeOf(m).Elem())
		properties, _ := named[string(m.ProtoReflect().Descriptor().FullName())]["properties"].(map[string]any)
		for name := range members {
			if properties[name] == nil {
				t.Errorf("%T: the schema has no %s: %v", m, name, properties)
			}
		}
	}
}

func TestARouteOfMessagesDescribesThemAsAMethodDoes(t *testing.T) {
	op := rest.Route[*testpb.SimpleRequest, *testpb.SimpleResponse]{Pattern: "POST /images"}.Describe()
	method := unary.Describe()
	if !reflect.DeepEqual(op.Request, method.Request) || !reflect.DeepEqual(op.Answer, method.Answer) {
		t.Errorf("want %v and %v, got %v and %v", method.Request, method.Answer, op.Request, op.Answer)
	}
}

// FuzzARouteOfMessages sends any body in both forms, which is never the service's failure.
func FuzzARouteOfMessages(f *testing.F) {
	f.Add([]byte(`{"numEventsLogged":"1","events":[{"channelRef":{"channelId":7}}]}`), false)
	f.Add([]byte("\x08\x01"), true)
	f.Add([]byte(`{"creationTimestamp":"9999-12-31T23:59:59.999999999Z"}`), false)
	h := restOf()
	f.Fuzz(func(t *testing.T, body []byte, binary bool) {
		kind := "application/json"
		if binary {
			kind = "application/protobuf"
		}
		w := asked(h, "POST", "/traces", kind, string(body), "Accept", "application/protobuf")
		if !slices.Contains([]int{200, 400, 413}, w.Code) {
			t.Fatalf("want no failure of the service, got %d %s", w.Code, w.Body)
		}
	})
}
