package rest_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

type watch struct {
	ID   string `path:"id" json:"-"`
	Last string `header:"Last-Event-ID" json:"-"`
}

type status struct {
	Status string   `json:"status"`
	Notes  []string `json:"notes"`
}

var (
	watchPlain  = rest.Route[watch, iter.Seq2[*status, error]]{Pattern: "GET /orders/{id}/states"}
	watchEvents = rest.Route[watch, iter.Seq2[rest.Event[status], error]]{Pattern: "GET /orders/{id}/events"}
)

// yields returns a stream of these states that ends with err.
func yields(err error, states ...string) iter.Seq2[*status, error] {
	return func(yield func(*status, error) bool) {
		for _, s := range states {
			if !yield(&status{Status: s}, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// states returns what a stream has, and what it ends with.
func states(seq iter.Seq2[*status, error]) (all []string, err error) {
	for s, err := range seq {
		if err != nil {
			return all, err
		}
		all = append(all, s.Status)
	}
	return all, nil
}

func body(t *testing.T, url string, header ...string) (kind, text string) {
	t.Helper()
	r, _ := http.NewRequest("GET", url, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Error(err)
	}
	return answer.Header.Get("Content-Type"), string(all)
}

func TestAStreamIsServerSentEventsOrLines(t *testing.T) {
	url := served(t, func(mux *http.ServeMux) {
		watchPlain.Handle(mux, func(_ context.Context, w watch) (iter.Seq2[*status, error], error) {
			if w.ID == "bad" {
				return yields(fault.NotFound.Errorf("gone"), "placed"), nil
			}
			return yields(nil, "placed", "paid"), nil
		})
	})
	const placed, paid = `{"status":"placed","notes":[]}`, `{"status":"paid","notes":[]}`
	for _, c := range []struct{ id, accept, kind, want string }{
		{"1", "", "text/event-stream", "data: " + placed + "\n\ndata: " + paid + "\n\nevent: end\ndata: {}\n\n"},
		{"1", "*/*", "text/event-stream", "data: " + placed + "\n\ndata: " + paid + "\n\nevent: end\ndata: {}\n\n"},
		{"1", "application/x-ndjson", "application/x-ndjson", placed + "\n" + paid + "\n"},
		{"1", "text/event-stream;q=0.1, application/jsonl", "application/x-ndjson", placed + "\n" + paid + "\n"},
		{"bad", "", "text/event-stream", "data: " + placed + "\n\nevent: error\ndata: {\"type\":\"about:blank\",\"title\":\"Not Found\""},
		{"bad", "application/x-ndjson", "application/x-ndjson", placed + "\n{\"error\":{\"type\":\"about:blank\",\"title\":\"Not Found\""},
	} {
		kind, text := body(t, url+"/orders/"+c.id+"/states", "Accept", c.accept)
		if kind != c.kind || text != c.want && (c.id != "bad" || !strings.HasPrefix(text, c.want)) {
			t.Errorf("to Accept: %s order %s is answered with %s\n%s\nwant %s\n%s", c.accept, c.id, kind, text, c.kind, c.want)
		}
	}
	head, err := http.Head(url + "/orders/1/states")
	if err != nil || head.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("HEAD is answered with %v, %v", head, err)
	}
}

func TestACallerGetsWhatAStreamHasAndHowItEnds(t *testing.T) {
	broken := make(chan struct{})
	close(broken)
	url := served(t, func(mux *http.ServeMux) {
		watchPlain.Handle(mux, func(_ context.Context, w watch) (iter.Seq2[*status, error], error) {
			switch w.ID {
			case "refused":
				return nil, fault.PermissionDenied.Errorf("not yours").WithReason("foreign")
			case "failing":
				return yields(fault.Aborted.Errorf("conflict").WithReason("raced"), "placed"), nil
			case "panicking":
				return func(yield func(*status, error) bool) {
					yield(&status{Status: "placed"}, nil)
					panic("boo")
				}, nil
			case "nil":
				return func(yield func(*status, error) bool) { yield(nil, nil) }, nil
			case "aborting":
				return func(yield func(*status, error) bool) {
					yield(&status{Status: "placed"}, nil)
					panic(http.ErrAbortHandler)
				}, nil
			case "none":
				return nil, nil
			}
			return yields(nil, "placed", "paid"), nil
		})
		mux.HandleFunc("GET /orders/cut/states", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: {\"status\":\"placed\"}\n\n")
		})
		mux.HandleFunc("GET /orders/odd/states", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			_, _ = io.WriteString(w, ":\r\n\r\ndata: {\r\ndata: \"status\":\"placed\"}\r\n\r\ndata: {\"status\":7}\n\n")
		})
		mux.HandleFunc("GET /orders/lines/states", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/jsonl")
			_, _ = io.WriteString(w, "{\"status\":\"placed\"}\n\n{\"error\":{\"code\":\"not_found\",\"status\":404,\"detail\":\"gone\"}}\n")
		})
	})
	placed := []string{"placed"}
	for _, c := range []struct {
		id   string
		want []string
		err  error
		text string
	}{
		{"1", []string{"placed", "paid"}, nil, ""},
		{"none", nil, nil, ""},
		{"refused", nil, fault.PermissionDenied, "not yours"},
		{"failing", placed, fault.Aborted, "conflict"},
		{"panicking", placed, fault.Internal, "internal error"},
		{"nil", nil, fault.Internal, "is nil"},
		{"aborting", placed, fault.Unavailable, "cut off"},
		{"cut", placed, fault.Unavailable, "cut off"},
		{"odd", placed, fault.Internal, "cannot be read"},
		{"lines", placed, fault.NotFound, "gone"},
	} {
		seq, err := watchPlain.Endpoint(rest.Remote(url, nil))(t.Context(), watch{ID: c.id})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // each iteration is a call
			got, err := states(seq)
			if fmt.Sprint(got) != fmt.Sprint(c.want) || !errors.Is(err, c.err) || err != nil && !strings.Contains(err.Error(), c.text) {
				t.Errorf("%s: %v, %v; want %v, %v %s", c.id, got, err, c.want, c.err, c.text)
			}
		}
	}
}

func TestEventsHaveIDsAndGoOnAfterTheLast(t *testing.T) {
	url := served(t, func(mux *http.ServeMux) {
		watchEvents.Handle(mux, func(_ context.Context, w watch) (iter.Seq2[rest.Event[status], error], error) {
			return func(yield func(rest.Event[status], error) bool) {
				for i, s := range []string{"placed", "paid", "sent"} {
					id := fmt.Sprint(i)
					if id > w.Last && !yield(rest.Event[status]{ID: id, Type: "moved", Data: status{Status: s}}, nil) {
						return
					}
				}
			}, nil
		})
	})
	seq, err := watchEvents.Endpoint(rest.Remote(url, nil))(t.Context(), watch{ID: "1", Last: "1"})
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range seq {
		if err != nil || e.ID != "2" || e.Type != "moved" || e.Data.Status != "sent" {
			t.Errorf("after the event 1 comes %+v, %v", e, err)
		}
	}
	_, text := body(t, url+"/orders/1/events", "Last-Event-ID", "1")
	if want := "id: 2\nevent: moved\ndata: {\"status\":\"sent\",\"notes\":[]}\n\nevent: end\ndata: {}\n\n"; text != want {
		t.Errorf("the event is\n%s\nwant\n%s", text, want)
	}
	_, text = body(t, url+"/orders/1/events", "Last-Event-ID", "1", "Accept", "application/x-ndjson")
	if want := `{"id":"2","type":"moved","data":{"status":"sent","notes":[]}}` + "\n"; text != want {
		t.Errorf("the line is %s, want %s", text, want)
	}
}

func TestAnEventThatWouldLookLikeAnotherIsTheHandlersFailure(t *testing.T) {
	for _, e := range []rest.Event[status]{{Type: "end"}, {Type: "error"}, {ID: "a\nb"}, {Type: "a\rdata: x"}} {
		url := served(t, func(mux *http.ServeMux) {
			watchEvents.Handle(mux, func(context.Context, watch) (iter.Seq2[rest.Event[status], error], error) {
				return func(yield func(rest.Event[status], error) bool) { yield(e, nil) }, nil
			})
		})
		seq, _ := watchEvents.Endpoint(rest.Remote(url, nil))(t.Context(), watch{ID: "1"})
		for got, err := range seq {
			if !errors.Is(err, fault.Internal) {
				t.Errorf("%+v arrives as %+v, %v", e, got, err)
			}
		}
	}
}

// endless yields until its context ends, and then says so.
func endless(ended chan<- error) func(context.Context, watch) (iter.Seq2[*status, error], error) {
	return func(ctx context.Context, _ watch) (iter.Seq2[*status, error], error) {
		return func(yield func(*status, error) bool) {
			yield(&status{Status: "placed"}, nil)
			<-ctx.Done()
			ended <- context.Cause(ctx)
		}, nil
	}
}

// stoppable is a mux whose service can stop.
type stoppable struct {
	*http.ServeMux
	stopping chan struct{}
}

func (s stoppable) Stopping() <-chan struct{} { return s.stopping }

func TestAStreamEndsWhenTheServiceStopsAlsoBehindAGateway(t *testing.T) {
	ended := make(chan error, 1)
	inner := stoppable{http.NewServeMux(), make(chan struct{})}
	watchPlain.Handle(inner, endless(ended))
	server := httptest.NewServer(inner)
	defer server.Close()
	url := served(t, func(mux *http.ServeMux) { watchPlain.Forward(mux, rest.Remote(server.URL, nil)) })
	seq, _ := watchPlain.Endpoint(rest.Remote(url, nil))(t.Context(), watch{ID: "1"})
	read := 0
	for s, err := range seq {
		if read++; read == 1 {
			if err != nil || s.Status != "placed" {
				t.Fatalf("the first value is %v, %v", s, err)
			}
			close(inner.stopping)
			continue
		}
		if !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "the service stops") {
			t.Errorf("the stream ends with %v", err)
		}
	}
	if read != 2 {
		t.Errorf("%d values, want one and a failure", read)
	}
	<-ended
}

func TestAStreamEndsWhenItsGatewayStops(t *testing.T) {
	ended := make(chan error, 1)
	inner := served(t, func(mux *http.ServeMux) { watchPlain.Handle(mux, endless(ended)) })
	gateway := stoppable{http.NewServeMux(), make(chan struct{})}
	watchPlain.Forward(gateway, rest.Remote(inner, nil))
	server := httptest.NewServer(gateway)
	defer server.Close()
	seq, _ := watchPlain.Endpoint(rest.Remote(server.URL, nil))(t.Context(), watch{ID: "1"})
	var last error
	for _, err := range seq {
		if last = err; err == nil {
			close(gateway.stopping)
		}
	}
	if !errors.Is(last, fault.Unavailable) {
		t.Errorf("the stream ends with %v", last)
	}
	<-ended
}

func TestAStreamEndsWhenItsCallerLeaves(t *testing.T) {
	ended := make(chan error, 1)
	inner := served(t, func(mux *http.ServeMux) { watchPlain.Handle(mux, endless(ended)) })
	url := served(t, func(mux *http.ServeMux) { watchPlain.Forward(mux, rest.Remote(inner, nil)) })
	for _, at := range []string{inner, url} {
		seq, _ := watchPlain.Endpoint(rest.Remote(at, nil))(t.Context(), watch{ID: "1"})
		for range seq {
			break
		}
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the stream ends with %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		seq, _ = watchPlain.Endpoint(rest.Remote(at, nil))(ctx, watch{ID: "1"})
		var last error
		for _, err := range seq {
			last = err
			cancel()
		}
		cancel()
		if !errors.Is(last, fault.Canceled) {
			t.Errorf("the caller that has left gets %v", last)
		}
		<-ended
	}
}

func TestASlowReaderStopsTheStream(t *testing.T) {
	var sent atomic.Int64
	done := make(chan struct{})
	url := served(t, func(mux *http.ServeMux) {
		watchPlain.Handle(mux, func(context.Context, watch) (iter.Seq2[*status, error], error) {
			return func(yield func(*status, error) bool) {
				defer close(done)
				for yield(&status{Status: strings.Repeat("x", 100_000)}, nil) && sent.Add(1) < 1000 {
				}
			}, nil
		})
	})
	seq, _ := watchPlain.Endpoint(rest.Remote(url, nil))(t.Context(), watch{ID: "1"})
	for range seq {
		break
	}
	<-done
	if sent.Load() > 500 {
		t.Errorf("%d of 1,000 values of 100 kB were sent to a reader that reads one", sent.Load())
	}
}

func TestValuesAreSentOneByOneThroughACompressor(t *testing.T) {
	next := make(chan string)
	mux := http.NewServeMux()
	watchPlain.Handle(mux, func(context.Context, watch) (iter.Seq2[*status, error], error) {
		return func(yield func(*status, error) bool) {
			for s := range next {
				yield(&status{Status: s}, nil)
			}
		}, nil
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		mux.ServeHTTP(flushedGzip{w, z}, r)
	}))
	defer server.Close()
	seq, _ := watchPlain.Endpoint(rest.Remote(server.URL, nil))(t.Context(), watch{ID: "1"})
	go func() { next <- "a" }()
	for s, err := range seq { // the next value is made only when this one has arrived
		if err != nil {
			t.Fatal(err)
		}
		if s.Status == "c" {
			close(next)
		} else {
			go func() { next <- string(s.Status[0] + 1) }()
		}
	}
}

type flushedGzip struct {
	http.ResponseWriter
	z *gzip.Writer
}

func (z flushedGzip) Write(b []byte) (int, error) { return z.z.Write(b) }
func (z flushedGzip) Flush() {
	_ = z.z.Flush()
	_ = http.NewResponseController(z.ResponseWriter).Flush()
}

type note struct {
	Text string `json:"text"`
}

func (n note) Validate() error {
	if n.Text == "" {
		return fault.Violation{Pointer: "/text", Detail: "it is empty"}
	}
	return nil
}

type imported struct {
	Notes iter.Seq2[note, error] `body:"application/x-ndjson, application/jsonl"`
}

type count struct {
	N int `json:"n"`
}

var (
	importNotes = rest.Route[imported, count]{Pattern: "POST /notes", MaxBody: 50}
	echoNotes   = rest.Route[imported, iter.Seq2[note, error]]{Pattern: "POST /echo"}
)

func countNotes(_ context.Context, r imported) (c count, err error) {
	for _, err := range r.Notes {
		if err != nil {
			return c, err
		}
		c.N++
	}
	return c, nil
}

func notes(err error, texts ...string) iter.Seq2[note, error] {
	return func(yield func(note, error) bool) {
		for _, text := range texts {
			if !yield(note{text}, nil) {
				return
			}
		}
		if err != nil {
			yield(note{}, err)
		}
	}
}

func TestManyValuesAreUploaded(t *testing.T) {
	url := served(t, func(mux *http.ServeMux) { importNotes.Handle(mux, countNotes) })
	send := importNotes.Endpoint(rest.Remote(url, nil))
	if got, err := send(t.Context(), imported{notes(nil, "a", "b", "c")}); err != nil || got.N != 3 {
		t.Errorf("of 3 notes %d arrive, %v", got.N, err)
	}
	if got, err := send(t.Context(), imported{}); err != nil || got.N != 0 {
		t.Errorf("of no notes %d arrive, %v", got.N, err)
	}
	broken := errors.New("the disk is on fire")
	if _, err := send(t.Context(), imported{notes(broken, "a")}); !errors.Is(err, broken) {
		t.Errorf("a source that fails is %v", err)
	}
	_, err := send(t.Context(), imported{notes(nil, "a", "")})
	f, _ := errors.AsType[*fault.Error](err)
	if !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), "line 2") || len(f.Violations) != 1 || f.Violations[0].Pointer != "/text" {
		t.Errorf("a wrong value fails with %v", err)
	}
	for _, c := range []struct {
		body, kind string
		status     int
		want       string
	}{
		{"{\"text\":\"a\"}\r\n\n{\"text\":\"b\"}", "application/jsonl", 200, `{"n":2}`},
		{"", "", 200, `{"n":0}`},
		{"{}", "application/json", 415, "application/jsonl"},
		{"{\"text\":\"a\"}\n{\"text\":", "application/x-ndjson", 400, "line 2"},
		{"{\"text\":7}\n", "application/x-ndjson", 400, "line 1"},
		{"null\n", "application/x-ndjson", 400, "line 1"},
		{"{\"text\":\"\xff\"}\n", "application/x-ndjson", 400, "UTF-8"},
		{"{\"text\":\"" + strings.Repeat("x", 50) + "\"}\n", "application/x-ndjson", 413, "larger than 50"},
	} {
		answer, err := http.Post(url+"/notes", c.kind, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != c.status || !strings.Contains(string(text), c.want) {
			t.Errorf("%q: %d %s, want %d with %s", c.body, answer.StatusCode, text, c.status, c.want)
		}
	}
}

func TestAStreamAnswersAStreamWhileItArrives(t *testing.T) {
	inner := served(t, func(mux *http.ServeMux) {
		echoNotes.Handle(mux, func(_ context.Context, r imported) (iter.Seq2[note, error], error) { return r.Notes, nil })
	})
	url := served(t, func(mux *http.ServeMux) { echoNotes.Forward(mux, rest.Remote(inner, nil)) })
	for _, at := range []string{inner, url} {
		back := make(chan string, 1)
		seq, err := echoNotes.Endpoint(rest.Remote(at, nil))(t.Context(), imported{func(yield func(note, error) bool) {
			for _, text := range []string{"a", "b", "c"} {
				if !yield(note{text}, nil) || <-back != text {
					return
				}
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		all := ""
		for n, err := range seq {
			if err != nil {
				t.Fatalf("after %q: %v", all, err)
			}
			all += n.Text
			back <- n.Text
		}
		if all != "abc" {
			t.Errorf("%q comes back, want abc", all)
		}
		for _, err := range seq {
			if !errors.Is(err, fault.InvalidArgument) {
				t.Errorf("a second iteration of a body that was sent is %v", err)
			}
		}
	}
}

func TestAStreamThatFitsNoRouteIsRefusedWhenTheRouteIsMade(t *testing.T) {
	for want, make := range map[string]func(){
		"a streamed answer cannot be stored": func() { rest.Route[watch, iter.Seq2[note, error]]{Pattern: "POST /{id}", Keyed: true}.Describe() },
		"each value of a stream needs":       func() { rest.Route[imported, endpoint.None]{Pattern: "POST /a", MaxBody: -1}.Describe() },
		"has no body":                        func() { rest.Route[watch, iter.Seq2[note, error]]{Pattern: "HEAD /{id}"}.Describe() },
	} {
		t.Run(want, func(t *testing.T) {
			defer func() {
				if p, _ := recover().(string); !strings.Contains(p, want) {
					t.Errorf("the route is refused with %q", p)
				}
			}()
			make()
		})
	}
}

func TestALineArrivesAsItIsYielded(t *testing.T) {
	next := make(chan struct{})
	url := served(t, func(mux *http.ServeMux) {
		watchPlain.Handle(mux, func(context.Context, watch) (iter.Seq2[*status, error], error) {
			return func(yield func(*status, error) bool) {
				yield(&status{Status: "placed"}, nil)
				<-next
			}, nil
		})
	})
	r, _ := http.NewRequest("GET", url+"/orders/1/states", nil)
	r.Header.Set("Accept", "application/x-ndjson")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	line, err := bufio.NewReader(answer.Body).ReadString('\n')
	if err != nil || !strings.Contains(line, "placed") {
		t.Errorf("the first line is %q, %v", line, err)
	}
	close(next)
}
