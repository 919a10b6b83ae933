package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// logged is a mux whose routes log into a buffer.
type logged struct {
	*http.ServeMux
	buffer bytes.Buffer
}

func (l *logged) Logger() *slog.Logger { return slog.New(slog.NewTextHandler(&l.buffer, nil)) }

// ask sends a raw request to a handler.
func ask(h http.Handler, method, path, kind, body string, header ...string) *httptest.ResponseRecorder {
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

func problemOf(t *testing.T, w *httptest.ResponseRecorder) fault.Problem {
	t.Helper()
	var p fault.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Header().Get("Content-Type") != fault.ProblemType || p.Status != w.Code {
		t.Fatalf("no problem document: %d %s %s", w.Code, w.Header(), w.Body)
	}
	return p
}

func reserving() http.Handler {
	mux := http.NewServeMux()
	Reserve.Handle(mux, func(_ context.Context, r *ReserveRequest) (*Stock, error) {
		return &Stock{ProductID: r.ProductID, Available: r.Quantity}, nil
	})
	return rest.ProblemMux(mux)
}

func TestBodiesThatAreRefused(t *testing.T) {
	const path, kind = "/inventory/p-1/reserve", "application/json"
	deep := strings.Repeat("[", 101) + strings.Repeat("]", 101)
	for name, tt := range map[string]struct {
		method, path, kind, body string
		status                   int
		code                     string
	}{
		"empty":               {"POST", path, kind, "", 400, "invalid_argument"},
		"malformed":           {"POST", path, kind, `{"quantity":`, 400, "invalid_argument"},
		"wrong type":          {"POST", path, kind, `{"quantity":"two"}`, 400, "invalid_argument"},
		"fraction":            {"POST", path, kind, `{"quantity":1.5}`, 400, "invalid_argument"},
		"an array":            {"POST", path, kind, `[1]`, 400, "invalid_argument"},
		"null":                {"POST", path, kind, `null`, 400, "invalid_argument"},
		"trailing data":       {"POST", path, kind, `{"quantity":1} x`, 400, "invalid_argument"},
		"two values":          {"POST", path, kind, `{"quantity":1}{"quantity":2}`, 400, "invalid_argument"},
		"bad UTF-8":           {"POST", path, kind, "{\"quantity\":1,\"a\":\"\xff\"}", 400, "invalid_argument"},
		"too deep":            {"POST", path, kind, `{"a":` + deep + `,"quantity":1}`, 400, "invalid_argument"},
		"invalid":             {"POST", path, kind, `{"quantity":0}`, 400, "invalid_argument"},
		"no media type":       {"POST", path, "", `{"quantity":1}`, 415, "invalid_argument"},
		"merge patch":         {"POST", path, "application/merge-patch+json", `{"quantity":1}`, 415, "invalid_argument"},
		"form":                {"POST", path, "application/x-www-form-urlencoded", `quantity=1`, 415, "invalid_argument"},
		"latin-1":             {"POST", path, "application/json; charset=latin1", `{"quantity":1}`, 415, "invalid_argument"},
		"too large":           {"POST", path, kind, `{"quantity":1,"a":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "invalid_argument"},
		"wrong method":        {"GET", path, "", "", 405, "unimplemented"},
		"unknown path":        {"POST", "/nothing", kind, `{}`, 404, "not_found"},
		"unknown path, slash": {"GET", "/inventory/p-1/reserve/more/", "", "", 404, "not_found"},
	} {
		w := ask(reserving(), tt.method, tt.path, tt.kind, tt.body)
		if p := problemOf(t, w); p.Status != tt.status || p.Code != tt.code || p.Detail == "" {
			t.Errorf("%s: %d %+v", name, w.Code, p)
		}
	}
	for name, tt := range map[string][2]string{
		"charset":          {"application/json; charset=UTF-8", `{"quantity":1}`},
		"unknown field":    {kind, `{"quantity":1,"color":"red"}`},
		"depth of hundred": {kind, `{"quantity":1,"a":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}`},
		"brackets in text": {kind, `{"quantity":1,"a":"` + strings.Repeat("[\\\"", 200) + `"}`},
	} {
		if w := ask(reserving(), "POST", path, tt[0], tt[1]); w.Code != 200 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestChunkedBodyOverTheLimitIs413(t *testing.T) {
	r := httptest.NewRequest("POST", "/inventory/p-1/reserve", io.MultiReader(strings.NewReader(`{"a":"`), strings.NewReader(strings.Repeat("x", 2<<20))))
	r.ContentLength = -1
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	reserving().ServeHTTP(w, r)
	if p := problemOf(t, w); p.Status != 413 {
		t.Errorf("%+v", p)
	}
}

func TestStrictRouteRefusesUnknownFields(t *testing.T) {
	mux := http.NewServeMux()
	rest.Route[*ReserveRequest, *Stock]{Pattern: "POST /r/{product_id}", Strict: true}.Handle(mux, func(context.Context, *ReserveRequest) (*Stock, error) { return &Stock{}, nil })
	for body, want := range map[string]int{`{"quantity":1}`: 200, `{"quantity":1,"color":"red"}`: 400, `{"quantity":1} {}`: 400} {
		if w := ask(mux, "POST", "/r/1", "application/json", body); w.Code != want {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
}

func TestPathIsNeverReadFromTheBody(t *testing.T) {
	type request struct {
		ID   string `path:"id" json:"id"`
		Name string `json:"name"`
	}
	mux := http.NewServeMux()
	rest.Route[*request, *request]{Pattern: "PUT /users/{id}"}.Handle(mux, func(_ context.Context, r *request) (*request, error) { return r, nil })
	w := ask(mux, "PUT", "/users/own", "application/json", `{"id":"another's","name":"x"}`)
	if got := w.Body.String(); got != `{"id":"own","name":"x"}` {
		t.Error(got)
	}
}

func TestPanicIs500WithItsStackInTheLogOnly(t *testing.T) {
	mux := &logged{ServeMux: http.NewServeMux()}
	rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /"}.Handle(mux, func(context.Context, endpoint.None) (endpoint.None, error) { panic("secret") })
	w := ask(mux, "GET", "/", "", "")
	if p := problemOf(t, w); p.Status != 500 || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%s", w.Body)
	}
	if log := mux.buffer.String(); !strings.Contains(log, "secret") || !strings.Contains(log, "server_test.go") {
		t.Errorf("log: %s", log)
	}
}

func TestCausesStayInTheLog(t *testing.T) {
	mux := &logged{ServeMux: http.NewServeMux()}
	rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /"}.Handle(mux, func(context.Context, endpoint.None) (endpoint.None, error) {
		return endpoint.None{}, fault.Unavailable.Errorf("the database is away: %w", errors.New("dial 10.0.0.1")).WithRetryAfter(1500 * time.Millisecond)
	})
	w := ask(mux, "GET", "/", "", "")
	if p := problemOf(t, w); p.Detail != "the database is away" || w.Header().Get("Retry-After") != "2" || p.RetryAfter != "1.5s" {
		t.Errorf("%s %s", w.Header(), w.Body)
	}
	if !strings.Contains(mux.buffer.String(), "10.0.0.1") {
		t.Errorf("log: %s", mux.buffer.String())
	}
}

func TestIdempotencyKeyActsOnceAndRepeatsTheAnswer(t *testing.T) {
	var acted atomic.Int64
	results := map[string]error{"ok": nil, "refused": fault.FailedPrecondition.Errorf("no").WithReason("rule"), "broken": fault.Internal.Errorf("oops"), "conflict": fault.Aborted.Errorf("later")}
	mux := http.NewServeMux()
	rest.Route[*ReserveRequest, *Stock]{Pattern: "POST /r/{product_id}", Keyed: true, Status: 201}.Handle(mux, func(_ context.Context, r *ReserveRequest) (*Stock, error) {
		n := acted.Add(1)
		return &Stock{Available: int(n)}, results[r.ProductID]
	})
	for name, tt := range map[string]struct {
		status int
		again  bool // a repeat runs again
	}{"ok": {201, false}, "refused": {400, false}, "broken": {500, true}, "conflict": {409, true}} {
		acted.Store(0)
		first := ask(mux, "POST", "/r/"+name, "application/json", `{"quantity":1}`, "Idempotency-Key", "k-"+name)
		second := ask(mux, "POST", "/r/"+name, "application/json", `{"quantity":1}`, "Idempotency-Key", "k-"+name)
		if first.Code != tt.status || second.Code != tt.status || first.Body.String() != second.Body.String() && !tt.again {
			t.Errorf("%s: %d %s, then %d %s", name, first.Code, first.Body, second.Code, second.Body)
		}
		if want := int64(1); acted.Load() != want && !tt.again {
			t.Errorf("%s: acted %d times", name, acted.Load())
		}
		if replayed := second.Header().Get("Idempotency-Replayed") == "true"; replayed == tt.again {
			t.Errorf("%s: replayed %v", name, replayed)
		}
		other := ask(mux, "POST", "/r/"+name, "application/json", `{"quantity":2}`, "Idempotency-Key", "k-"+name)
		if p := other.Code; !tt.again && (p != 422 || problemOf(t, other).Reason != "key_reused") {
			t.Errorf("%s: another body got %d %s", name, p, other.Body)
		}
	}
	if w := ask(mux, "POST", "/r/ok", "application/json", `{"quantity":0`, "Idempotency-Key", "k-2"); w.Code != 400 {
		t.Errorf("%d", w.Code)
	}
	if w := ask(mux, "POST", "/r/ok", "application/json", `{"quantity":1}`, "Idempotency-Key", "k-2"); w.Code != 201 {
		t.Errorf("a malformed request used its key up: %d", w.Code)
	}
}

func TestKeyInUseIs409(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	mux := http.NewServeMux()
	rest.Route[*ReserveRequest, *Stock]{Pattern: "POST /r/{product_id}", Keyed: true}.Handle(mux, func(context.Context, *ReserveRequest) (*Stock, error) {
		close(entered)
		<-leave
		return &Stock{}, nil
	})
	var first sync.WaitGroup
	first.Go(func() { ask(mux, "POST", "/r/1", "application/json", `{"quantity":1}`, "Idempotency-Key", "k") })
	<-entered
	w := ask(mux, "POST", "/r/1", "application/json", `{"quantity":1}`, "Idempotency-Key", "k")
	if p := problemOf(t, w); p.Status != 409 || p.Reason != "key_in_use" || w.Header().Get("Retry-After") == "" {
		t.Errorf("%+v", p)
	}
	close(leave)
	first.Wait()
}

func TestMetadataOfUntrustedCallersIsIgnored(t *testing.T) {
	var got call.Record
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = *call.Of(r.Context()) })
	header := []string{
		"X-Service-Name", "shop", "X-Request-Priority", "7", "X-Request-Attempt", "2", "X-Request-Id", "r-1", "X-Request-Timeout", "1500ms",
		"Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	}
	for _, trusted := range []bool{true, false} {
		w := ask(rest.ReadMetadata(func(*http.Request) bool { return trusted })(h), "GET", "/", "", "", header...)
		if believed := got.From == "shop" && got.Priority == 7 && got.Repeated; believed != trusted {
			t.Errorf("trusted %v: %+v", trusted, got)
		}
		if got.RequestID != "r-1" || w.Header().Get("X-Request-Id") != "r-1" || got.Deadline.Sub(got.Start) != 1500*time.Millisecond {
			t.Errorf("trusted %v: %+v", trusted, got)
		}
	}
	ask(rest.ReadMetadata(nil)(h), "GET", "/", "", "", "X-Request-Timeout", "soon", "X-Request-Id", strings.Repeat("x", 500), "X-Service-Name", "é")
	if got.RequestID == "" || len(got.RequestID) > 128 || !got.Deadline.IsZero() {
		t.Errorf("malformed headers were taken: %+v", got)
	}
}

func TestRoutesThatCannotWorkPanicNamingTheField(t *testing.T) {
	for want, f := range map[string]func(){
		"{id}": func() {
			rest.Route[*ReserveRequest, endpoint.None]{Pattern: "POST /x/{id}"}.Handle(http.NewServeMux(), nil)
		},
		"product_id": func() { rest.Route[*ReserveRequest, endpoint.None]{Pattern: "POST /x"}.Handle(http.NewServeMux(), nil) },
		"Quantity": func() {
			rest.Route[*ReserveRequest, endpoint.None]{Pattern: "GET /x/{product_id}"}.Endpoint(rest.Remote("", nil))
		},
		"method": func() { rest.Route[endpoint.None, endpoint.None]{Pattern: "/x"}.Endpoint(rest.Remote("", nil)) },
		"204": func() {
			rest.Route[endpoint.None, *Stock]{Pattern: "GET /x", Status: 204}.Endpoint(rest.Remote("", nil))
		},
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.Contains(text, want) {
					t.Errorf("want %q in %q", want, text)
				}
			}()
			f()
		}()
	}
}

func FuzzBody(f *testing.F) {
	for _, seed := range []string{`{"quantity":1}`, `{"quantity":"x"}`, `[[[`, "\xff", `{"quantity":1} `, `null`} {
		f.Add(seed)
	}
	h := reserving()
	f.Fuzz(func(t *testing.T, body string) {
		w := ask(h, "POST", "/inventory/p-1/reserve", "application/json", body)
		if w.Code == 500 || w.Code != 200 && problemOf(t, w).Detail == "" {
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
		if w.Code == 200 && !json.Valid([]byte(body)) {
			t.Errorf("%q was taken", body)
		}
	})
}
