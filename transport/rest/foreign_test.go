package rest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestAForeignProblemLosesNothingButItsIllTypedMembers(t *testing.T) {
	for _, c := range []struct {
		body   string
		code   fault.Code
		detail string
	}{
		{body: `{"detail":"no such order","code":1007}`, code: fault.PermissionDenied, detail: "no such order"},
		{body: `{"detail":"no such order","status":"403"}`, code: fault.PermissionDenied, detail: "no such order"},
		{body: `{"detail":"no such order","type":5,"title":[],"reason":{}}`, code: fault.PermissionDenied, detail: "no such order"},
		{body: `{"detail":"no such order","details":["a"],"retry_after":7}`, code: fault.PermissionDenied, detail: "no such order"},
		{body: `{"detail":"no such order","unprocessed":"yes","repeated":1}`, code: fault.PermissionDenied, detail: "no such order"},
		{body: `{"detail":"no such order","service":null,"code":"not_found"}`, code: fault.NotFound, detail: "no such order"},
		{body: `{"detail":{"text":"no"},"title":"Forbidden"}`, code: fault.PermissionDenied, detail: "Forbidden"},
		{body: `{"detail":7}`, code: fault.PermissionDenied, detail: "403"},
		{body: `{"Detail":"another member","detail":"no such order"}`, code: fault.PermissionDenied, detail: "no such order"},
		{body: `null`, code: fault.PermissionDenied, detail: "403"},
		{body: `[]`, code: fault.PermissionDenied, detail: "403"},
	} {
		caller, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", fault.ProblemType)
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(403)
			_, _ = w.Write([]byte(c.body))
		}))
		_, err := Reserve.Endpoint(caller)(t.Context(), &ReserveRequest{ProductID: "p", Quantity: 1})
		var got *fault.Error
		if !errors.As(err, &got) || got.Code != c.code || !strings.Contains(got.Message, c.detail) || got.RetryAfter != 3*time.Second || got.Unprocessed {
			t.Errorf("%s: %#v", c.body, err)
		}
	}
}

func TestNumbersOfDetailsLoseNoDigit(t *testing.T) {
	const text = `{"list":[9007199254740993],"n":9007199254740993,"nested":{"n":18446744073709551615}}`
	var details map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&details); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	Reserve.Handle(mux, func(context.Context, *ReserveRequest) (*Stock, error) {
		e := fault.NotFound.Errorf("no").WithDetail("n", int64(9007199254740993))
		return nil, e.WithDetail("list", details["list"]).WithDetail("nested", details["nested"])
	})
	caller, _ := serve(t, mux)
	_, err := Reserve.Endpoint(caller)(t.Context(), &ReserveRequest{ProductID: "p", Quantity: 1})
	var got *fault.Error
	if !errors.As(err, &got) {
		t.Fatal(err)
	}
	if again, _ := json.Marshal(got.Details); string(again) != text {
		t.Errorf("%s, want %s", again, text)
	}
}

func TestAnAnswerThatIsTooLongIsTheCalleesFailure(t *testing.T) {
	packed := func(size int) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(`{"product_id":"`))
		_, _ = z.Write(bytes.Repeat([]byte("x"), size))
		_, _ = z.Write([]byte(`"}`))
		_ = z.Close()
		return b.Bytes()
	}
	for _, tt := range []struct {
		name  string
		h     http.HandlerFunc
		route rest.Route[endpoint.None, *Stock]
		fits  bool
	}{
		{name: "declared", h: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "70000000")
			_, _ = w.Write([]byte("{"))
		}},
		{name: "chunked", h: func(w http.ResponseWriter, _ *http.Request) {
			for range 65 {
				_, _ = w.Write(bytes.Repeat([]byte(" "), 1<<20))
			}
		}},
		{name: "packed", h: zipped(packed(17 << 20))},
		{name: "packed, fits", h: zipped(packed(1 << 20)), fits: true},
		{name: "over its own", h: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"product_id":"1"}`)) }, route: rest.Route[endpoint.None, *Stock]{MaxAnswer: 17}},
		{name: "own, fits", h: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"product_id":"1"}`)) }, route: rest.Route[endpoint.None, *Stock]{MaxAnswer: 18}, fits: true},
		{name: "own, packed", h: zipped(packed(17 << 20)), route: rest.Route[endpoint.None, *Stock]{MaxAnswer: 20 << 20}, fits: true},
	} {
		caller, _ := serve(t, tt.h)
		tt.route.Pattern = "GET /x"
		_, err := tt.route.Endpoint(caller)(t.Context(), endpoint.None{})
		if (err == nil) != tt.fits || !tt.fits && (fault.CodeOf(err) != fault.Internal || fault.Judge(t.Context(), err).Outcome() != fault.Failure || !strings.Contains(err.Error(), "MaxAnswer")) {
			t.Errorf("%s: %v", tt.name, err)
		}
		gateway := http.NewServeMux()
		tt.route.Forward(gateway, caller)
		if w := ask(gateway, "GET", "/x", "", ""); (w.Code == 200) != tt.fits || !tt.fits && w.Code != 500 {
			t.Errorf("%s, forwarded: %d %.200s", tt.name, w.Code, w.Body)
		}
	}
}

func zipped(body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(body)
	}
}

func TestBuffersGrowWithTheBytesThatArrive(t *testing.T) {
	const bodies = 200
	mux := http.NewServeMux()
	Reserve.Handle(mux, func(context.Context, *ReserveRequest) (*Stock, error) { return &Stock{}, nil })
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range bodies {
		r, _ := http.NewRequestWithContext(t.Context(), "POST", "/inventory/p/reserve", io.MultiReader(strings.NewReader(`{"quantity":1}`)))
		r.Header.Set("Content-Type", "application/json")
		r.ContentLength = 1 << 20
		mux.ServeHTTP(discarding{}, r)
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / bodies; each > 64<<10 {
		t.Errorf("a body that is announced with 1 MiB takes %d bytes before it came", each)
	}
}

type discarding struct{}

func (discarding) Header() http.Header         { return http.Header{} }
func (discarding) Write(b []byte) (int, error) { return len(b), nil }
func (discarding) WriteHeader(int)             {}

func TestAHeadIsAnsweredLikeAGet(t *testing.T) {
	type request struct {
		ID string `path:"id" json:"-"`
	}
	route := rest.Route[*request, *Stock]{Pattern: "GET /stock/{id}"}
	backend := http.NewServeMux()
	route.Handle(backend, func(_ context.Context, r *request) (*Stock, error) {
		if r.ID == "none" {
			return nil, fault.NotFound.Errorf("no such stock")
		}
		return &Stock{ProductID: r.ID}, nil
	})
	backend.HandleFunc("HEAD /stock/large", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "70000000") })
	caller, _ := serve(t, backend)
	gateway := http.NewServeMux()
	route.Forward(gateway, caller)
	for _, c := range []struct {
		id   string
		want int
	}{
		{id: "p", want: 200},
		{id: "none", want: 404},
		{id: "large", want: 200},
	} {
		w := &reportingWriter{ResponseWriter: httptest.NewRecorder()}
		r, _ := http.NewRequestWithContext(t.Context(), "HEAD", "/stock/"+c.id, nil)
		gateway.ServeHTTP(w, r)
		recorder := w.ResponseWriter.(*httptest.ResponseRecorder)
		if recorder.Code != c.want || c.want == 404 && (len(w.failures) != 1 || fault.CodeOf(w.failures[0]) != fault.NotFound) {
			t.Errorf("%s: %d, told of %v", c.id, recorder.Code, w.failures)
		}
		if length := recorder.Header().Get("Content-Length"); length == "" {
			t.Errorf("%s: no length", c.id)
		}
	}
	head := rest.Route[*request, endpoint.None]{Pattern: "HEAD /stock/{id}"}.Endpoint(caller)
	if _, err := head(t.Context(), &request{ID: "large"}); err != nil {
		t.Error(err)
	}
	if _, err := head(t.Context(), &request{ID: "none"}); !errors.Is(err, fault.NotFound) {
		t.Error(err)
	}
}

func TestAnEncodedBodyIs415(t *testing.T) {
	mux := http.NewServeMux()
	Reserve.Handle(mux, func(context.Context, *ReserveRequest) (*Stock, error) { return &Stock{}, nil })
	for _, c := range []struct {
		coding string
		want   int
	}{
		{coding: "gzip", want: 415},
		{coding: "br", want: 415},
		{coding: "GZIP", want: 415},
		{coding: "identity", want: 200},
		{coding: "Identity", want: 200},
		{coding: "gzip, br", want: 415},
		{coding: "x", want: 415},
		{coding: "", want: 200},
	} {
		w := ask(mux, "POST", "/inventory/p/reserve", "application/json", `{"quantity":1}`, "Content-Encoding", c.coding)
		if w.Code != c.want || c.want == 415 && w.Header().Get("Accept-Encoding") != "identity" {
			t.Errorf("%s: %d %s", c.coding, w.Code, w.Header())
		}
	}
	// A middleware that decodes the body removes the header.
	unzip := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(r.Body)
			if err != nil {
				rest.WriteError(w, fault.InvalidArgument.Errorf("no gzip"))
				return
			}
			r.Body, r.ContentLength = io.NopCloser(z), -1
			r.Header.Del("Content-Encoding")
		}
		mux.ServeHTTP(w, r)
	})
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = fmt.Fprint(z, `{"quantity":1}`)
	_ = z.Close()
	if w := ask(unzip, "POST", "/inventory/p/reserve", "application/json", b.String(), "Content-Encoding", "gzip"); w.Code != 200 {
		t.Errorf("with a decoder: %d %s", w.Code, w.Body)
	}
	caller, _ := serve(t, mux)
	gateway := http.NewServeMux()
	Reserve.Forward(gateway, caller)
	if w := ask(gateway, "POST", "/inventory/p/reserve", "application/json", b.String(), "Content-Encoding", "gzip"); w.Code != 415 || w.Header().Get("Accept-Encoding") != "identity" {
		t.Errorf("forwarded: %d %s", w.Code, w.Header())
	}
}

func TestAGiantErrorMessageIsTruncated(t *testing.T) {
	for _, member := range []string{"detail", "title", "reason", "service", "code", "type"} {
		caller, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"` + member + `":"` + strings.Repeat("x", 1<<20) + `"}`))
		}))
		call := rest.Route[endpoint.None, *Stock]{Pattern: "GET /x"}.Endpoint(caller)
		relay := http.NewServeMux()
		rest.Route[endpoint.None, *Stock]{Pattern: "GET /x"}.Handle(relay, func(ctx context.Context, r endpoint.None) (*Stock, error) {
			_, err := call(ctx, r)
			if len(err.Error()) > 5000 {
				t.Errorf("%s: an error of %d bytes", member, len(err.Error()))
			}
			return nil, err
		})
		get, head := ask(relay, "GET", "/x", "", ""), ask(relay, "HEAD", "/x", "", "")
		if get.Code != 400 || get.Body.Len() > 5000 || head.Code != 400 || len(head.Header().Get("X-Problem")) > 2000 {
			t.Errorf("%s: %d with %d bytes, HEAD %d with %d", member, get.Code, get.Body.Len(), head.Code, len(head.Header().Get("X-Problem")))
		}
	}
}

func TestASwitchOfProtocolsIsNoAnswer(t *testing.T) {
	caller, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Upgrade", "x")
		w.Header().Set("Connection", "Upgrade")
		w.WriteHeader(http.StatusSwitchingProtocols)
	}))
	route := rest.Route[endpoint.None, *Stock]{Pattern: "GET /x"}
	_, err := route.Endpoint(caller)(t.Context(), endpoint.None{})
	if fault.CodeOf(err) != fault.Internal || !strings.Contains(err.Error(), "101") {
		t.Error(err)
	}
	gateway := http.NewServeMux()
	route.Forward(gateway, caller)
	if w := ask(gateway, "GET", "/x", "", ""); w.Code != 500 {
		t.Errorf("forwarded as %d", w.Code)
	}
}
