package zipkin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/tracing/zipkin"
)

// span is a span in Zipkin's v2 API.
type span struct {
	TraceID   string            `json:"traceId"`
	ID        string            `json:"id"`
	ParentID  string            `json:"parentId"`
	Name      string            `json:"name"`
	Kind      string            `json:"kind"`
	Timestamp int64             `json:"timestamp"`
	Duration  int64             `json:"duration"`
	Tags      map[string]string `json:"tags"`
	Local     struct {
		Name string `json:"serviceName"`
	} `json:"localEndpoint"`
}

// collector is a Zipkin that stores what it receives.
type collector struct {
	*httptest.Server
	mu    sync.Mutex
	spans []span
}

func collect(t testing.TB) *collector {
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var batch []span
		if err := json.NewDecoder(r.Body).Decode(&batch); err != nil || r.URL.Path != "/api/v2/spans" {
			t.Errorf("%s: %v", r.URL, err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.spans = append(c.spans, batch...)
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(c.Close)
	return c
}

func tracer(t testing.TB, service, collector string, sample float64) *zipkin.Tracer {
	t.Helper()
	made, err := zipkin.New(zipkin.Config{Service: service, Collector: collector + "/api/v2/spans", Sample: sample,
		Client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = made.Close() })
	return made
}

func TestThreeHopsAreReportedWithTheirParentsAndIds(t *testing.T) {
	for _, format := range []tracing.Formats{{tracing.W3C}, {tracing.B3}, {tracing.B3Multi}, nil} {
		c := collect(t)
		services := []*zipkin.Tracer{tracer(t, "shop", c.URL, 1), tracer(t, "order", c.URL, -1), tracer(t, "inventory", c.URL, -1)}
		var ids []tracing.SpanContext
		ctx := t.Context()
		var end []tracing.Span
		for i, s := range services { // each serves, and calls the next
			var served, called tracing.Span
			ctx, served = s.Start(ctx, fmt.Sprint("serve ", i), tracing.Server)
			ctx, called = s.Start(ctx, fmt.Sprint("call ", i), tracing.Client)
			called.Set("hop", fmt.Sprint(i))
			ids = append(ids, served.Context(), called.Context())
			end = append(end, served, called)
			wire := http.Header{}
			format.Inject(ctx, wire)
			ctx = tracing.Extract(context.Background(), wire)
		}
		for i, s := range end {
			var err error
			if i == len(end)-1 {
				err = fault.NotFound.Errorf("no such product")
			}
			s.End(err)
			s.End(nil)
		}
		for _, s := range services {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		byID := map[string]span{}
		for _, s := range c.spans {
			byID[s.ID] = s
		}
		if len(c.spans) != 6 || len(byID) != 6 {
			t.Fatalf("%v: %d spans of 6", format, len(c.spans))
		}
		for i, id := range ids {
			s, parent := byID[id.SpanID.String()], ""
			if i > 0 {
				parent = ids[i-1].SpanID.String()
			}
			kind, service := [2]string{"SERVER", "CLIENT"}[i%2], [3]string{"shop", "order", "inventory"}[i/2]
			if s.TraceID != ids[0].TraceID.String() || s.ParentID != parent || s.Kind != kind || s.Local.Name != service || s.Timestamp == 0 || s.Duration < 1 {
				t.Errorf("%v: span %d is %+v, its parent should be %s", format, i, s, parent)
			}
		}
		last := byID[ids[5].SpanID.String()]
		if last.Tags["error"] != "not_found: no such product" || last.Tags["hop"] != "2" {
			t.Errorf("%+v", last.Tags)
		}
	}
}

func TestUnsampledTracesAreNotReportedAndTheirChildrenCostNothing(t *testing.T) {
	c := collect(t)
	tr := tracer(t, "shop", c.URL, -1)
	ctx, root := tr.Start(t.Context(), "root", tracing.Server)
	if allocs := testing.AllocsPerRun(100, func() {
		_, child := tr.Start(ctx, "child", tracing.Client)
		child.Set("a", "b")
		child.End(nil)
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
	root.End(errors.New("x"))
	if err := tr.Close(); err != nil || len(c.spans) != 0 {
		t.Errorf("%d spans, %v", len(c.spans), err)
	}
}

func TestAnUnavailableCollectorDelaysNobodyBeforeOrAfterClose(t *testing.T) {
	tr := tracer(t, "shop", "http://127.0.0.1:1", 1)
	for range 3000 {
		_, s := tr.Start(t.Context(), "work", tracing.Internal)
		s.End(nil)
	}
	_, late := tr.Start(t.Context(), "late", tracing.Internal)
	if err := tr.Close(); !errors.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
	late.End(nil)
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
}

// hangingTransport answers nothing until its request is given up.
type hangingTransport struct{}

func (hangingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestAHangingCollectorDelaysOnlyClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, err := zipkin.New(zipkin.Config{Service: "shop", Collector: "http://zipkin/api/v2/spans", Sample: 1,
			Client: &http.Client{Transport: hangingTransport{}}, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		_, early := tr.Start(t.Context(), "early", tracing.Internal)
		_, late := tr.Start(t.Context(), "late", tracing.Internal)
		early.End(nil)
		begun := time.Now()
		closed := make(chan error, 1)
		go func() { closed <- tr.Close() }()
		synctest.Wait()
		late.End(nil)
		if err := tr.Close(); err != nil || !time.Now().Equal(begun) {
			t.Errorf("held up for %s: %v", time.Since(begun), err)
		}
		if err := <-closed; !errors.Is(err, fault.Unavailable) || time.Since(begun) > 10*time.Second {
			t.Errorf("after %s: %v", time.Since(begun), err)
		}
	})
}

func TestNamesAndTagsAreBounded(t *testing.T) {
	c := collect(t)
	tr := tracer(t, "shop", c.URL, 1)
	_, s := tr.Start(t.Context(), strings.Repeat("x", 5000), tracing.Internal)
	for i := range 500 {
		s.Set(fmt.Sprint(i), strings.Repeat("y", 5000))
	}
	s.End(errors.New("last"))
	_ = tr.Close()
	if got := c.spans[0]; len(got.Name) > 1024 || len(got.Tags) > 65 || len(got.Tags["0"]) > 1024 || got.Tags["error"] == "" {
		t.Errorf("name of %d, %d tags", len(got.Name), len(got.Tags))
	}
}

func TestNewRefusesWhatIsMissingNamingIt(t *testing.T) {
	for want, c := range map[string]zipkin.Config{
		"Config.Service":   {Collector: "http://z"},
		"Config.Collector": {Service: "x", Collector: "z:9411"},
		"Config.Sample":    {Service: "x", Collector: "http://z", Sample: 2},
	} {
		if _, err := zipkin.New(c); !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func Example() {
	zipkinServer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var spans []map[string]any
		_ = json.NewDecoder(r.Body).Decode(&spans)
		fmt.Println(spans[0]["name"], spans[0]["kind"])
		w.WriteHeader(http.StatusAccepted)
	}))
	defer zipkinServer.Close()

	tracer, err := zipkin.New(zipkin.Config{Service: "orders", Collector: zipkinServer.URL + "/api/v2/spans", Sample: 1, Client: zipkinServer.Client()})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, span := tracer.Start(context.Background(), "place order", tracing.Server)
	span.End(nil)
	fmt.Println(tracer.Close())
	// Output:
	// place order SERVER
	// <nil>
}

// A trace that arrives undecided, such as a stranger's, is sampled at the service's
// own share, once for all of its spans.
func TestAnUndecidedTraceIsSampledLikeOneThatStartsHere(t *testing.T) {
	c := collect(t)
	all, none, half := tracer(t, "shop", c.URL, 1), tracer(t, "shop", c.URL, -1), tracer(t, "shop", c.URL, 0.5)
	begin := func(tracer *zipkin.Tracer) (sampled, inner bool) {
		ctx := tracing.ContextWithSpan(t.Context(), tracing.SpanContext{TraceID: tracing.TraceID{1}, SpanID: tracing.SpanID{2}, Undecided: true})
		ctx, s := tracer.Start(ctx, "serve", tracing.Server)
		_, below := tracer.Start(ctx, "call", tracing.Client)
		return s.Context().Sampled, below.Context().Sampled
	}
	sampled := 0
	for range 200 {
		if outer, _ := begin(all); !outer {
			t.Fatal("not sampled where all are")
		}
		if outer, _ := begin(none); outer {
			t.Fatal("sampled where none is")
		}
		outer, inner := begin(half)
		if outer != inner {
			t.Fatal("decided twice")
		}
		if outer {
			sampled++
		}
	}
	if sampled < 50 || sampled > 150 {
		t.Errorf("%d of 200 at a half", sampled)
	}
}

func TestADecisionWithoutIDsIsObeyed(t *testing.T) {
	c := collect(t)
	tr := tracer(t, "shop", c.URL, -1) // samples no trace that starts here
	for _, h := range []http.Header{{"B3": {"1"}}, {"B3": {"d"}}, {"X-B3-Flags": {"1"}}, {"B3": {"0"}}, {}} {
		_, span := tr.Start(tracing.Extract(t.Context(), h), "s", tracing.Server)
		span.End(nil)
	}
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	for _, s := range c.spans {
		if s.ParentID != "" {
			t.Errorf("its parent is nowhere: %+v", s)
		}
	}
	if len(c.spans) != 3 {
		t.Errorf("%d spans", len(c.spans))
	}
}

func TestSpansAreSentToTheCollectorOnly(t *testing.T) {
	stranger := collect(t)
	var asked, moved atomic.Int64
	var here *httptest.Server
	here = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("moved") {
			moved.Add(1)
			w.WriteHeader(http.StatusAccepted)
			return
		}
		to := stranger.URL + "/api/v2/spans"
		if asked.Add(1) == 2 {
			to = here.URL + "/?moved"
		}
		http.Redirect(w, r, to, http.StatusTemporaryRedirect)
	}))
	defer here.Close()
	for range 2 {
		tr, err := zipkin.New(zipkin.Config{Service: "cart", Collector: here.URL, Sample: 1, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		_, s := tr.Start(t.Context(), "secret", tracing.Server)
		s.End(nil)
		_ = tr.Close()
	}
	stranger.mu.Lock()
	defer stranger.mu.Unlock()
	if len(stranger.spans) != 0 || moved.Load() != 1 {
		t.Errorf("%d spans went to a stranger, %d to where the collector said", len(stranger.spans), moved.Load())
	}
}
