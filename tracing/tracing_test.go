package tracing_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/tracing"
)

const (
	trace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	parent = "00f067aa0ba902b7"
)

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func extracted(h http.Header) tracing.SpanContext {
	return tracing.SpanContextOf(tracing.Extract(context.Background(), h))
}

func TestATracestateThatFitsNoHeaderIsDropped(t *testing.T) {
	for _, c := range []struct {
		state string
		want  string
	}{
		{state: "a=1,b=2", want: "a=1,b=2"},
		{state: "a=1,\tb=2", want: "a=1,\tb=2"},
		{state: "", want: ""},
		{state: "a=1\r\nX-Evil: 1", want: ""},
		{state: "a=\n", want: ""},
		{state: "a=\x00", want: ""},
		{state: "a=\x7f", want: ""},
		{state: "a=é", want: ""},
		{state: "a=\xff", want: ""},
	} {
		from := tracing.Map{"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": c.state}
		got := tracing.SpanContextOf(tracing.Extract(t.Context(), from))
		if got.State != c.want || !got.IsValid() {
			t.Errorf("%q is %q of %s", c.state, got.State, got.TraceID)
		}
	}
}

func TestEveryFormatCarriesTheSameSpan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sent tracing.SpanContext
		copy(sent.TraceID[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "trace"))
		copy(sent.SpanID[:], rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "span"))
		sent.TraceID[0], sent.SpanID[0] = 1, 1
		sent.Sampled = rapid.Bool().Draw(t, "sampled")
		for _, f := range []tracing.Formats{nil, {tracing.W3C}, {tracing.B3}, {tracing.B3Multi}} {
			for _, c := range []tracing.Carrier{http.Header{}, tracing.Map{}} {
				f.Inject(tracing.ContextWithSpan(context.Background(), sent), c)
				got := tracing.SpanContextOf(tracing.Extract(context.Background(), c))
				if got.TraceID != sent.TraceID || got.SpanID != sent.SpanID || got.Sampled != sent.Sampled {
					t.Fatalf("%v in %T: sent %+v, got %+v", f, c, sent, got)
				}
			}
		}
	})
}

func TestADecisionNotToSampleWithoutIDsIsObeyed(t *testing.T) {
	for _, h := range []http.Header{header("b3", "0"), header("X-B3-Sampled", "0")} {
		recorder := &tracing.Recorder{}
		ctx, span := recorder.Start(tracing.Extract(t.Context(), h), "s", tracing.Server)
		span.End(nil)
		if c := tracing.SpanContextOf(ctx); !c.IsValid() || c.Sampled || len(recorder.Spans()) != 0 {
			t.Errorf("%v became %+v", h, c)
		}
	}
}

func TestLongTextIsCutBetweenRunes(t *testing.T) {
	long := tracing.Bounded(strings.Repeat("é", 2000) + "x")
	if short := tracing.Bounded("x" + long); !utf8.ValidString(long) || len(long) != 1024 || !utf8.ValidString(short) || len(short) != 1023 {
		t.Errorf("%d and %d bytes", len(long), len(short))
	}
}

func TestHeadersOfOtherLibrariesAreUnderstood(t *testing.T) {
	for _, tt := range []struct {
		name    string
		h       http.Header
		sampled bool
	}{
		{name: "w3c", h: header("traceparent", "00-"+trace+"-"+parent+"-01"), sampled: true},
		{name: "w3c unsampled", h: header("traceparent", "00-"+trace+"-"+parent+"-00"), sampled: false},
		{name: "w3c of the future", h: header("traceparent", "cc-"+trace+"-"+parent+"-01-more"), sampled: true},
		{name: "b3", h: header("b3", trace+"-"+parent+"-1"), sampled: true},
		{name: "b3 with a parent", h: header("b3", trace+"-"+parent+"-1-0000000000000001"), sampled: true},
		{name: "b3 debug", h: header("b3", trace+"-"+parent+"-d"), sampled: true},
		{name: "b3 in capitals", h: header("b3", strings.ToUpper(trace)+"-"+parent+"-1"), sampled: true},
		{name: "b3 multi", h: header("X-B3-TraceId", trace, "X-B3-SpanId", parent, "X-B3-Sampled", "1"), sampled: true},
		{name: "b3 multi, debug", h: header("X-B3-TraceId", trace, "X-B3-SpanId", parent, "X-B3-Flags", "1"), sampled: true},
		{name: "b3 multi, unsampled", h: header("X-B3-TraceId", trace, "X-B3-SpanId", parent, "X-B3-Sampled", "0"), sampled: false},
		{name: "w3c before b3", h: header("traceparent", "00-"+trace+"-"+parent+"-01", "b3", strings.Repeat("1", 32)+"-"+parent+"-0"), sampled: true},
		{name: "b3 where w3c is bad", h: header("traceparent", "nonsense", "b3", trace+"-"+parent+"-1"), sampled: true},
	} {
		got := extracted(tt.h)
		if got.TraceID.String() != trace || got.SpanID.String() != parent || got.Sampled != tt.sampled {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
	if short := extracted(header("b3", "a3ce929d0e0e4736-"+parent+"-1")); short.TraceID.String() != "0000000000000000a3ce929d0e0e4736" {
		t.Errorf("64-bit B3: %s", short.TraceID)
	}
}

func TestMalformedHeadersAreIgnored(t *testing.T) {
	zero, none := strings.Repeat("0", 32), strings.Repeat("0", 16)
	for _, h := range []http.Header{
		header("traceparent", ""), header("traceparent", "00-"+zero+"-"+parent+"-01"), header("traceparent", "00-"+trace+"-"+none+"-01"),
		header("traceparent", "ff-"+trace+"-"+parent+"-01"), header("traceparent", "00-"+strings.ToUpper(trace)+"-"+parent+"-01"),
		header("traceparent", "00-"+trace+"-"+parent+"-01-more"), header("traceparent", "00-"+trace+"-"+parent), header("traceparent", "00-"+trace[1:]+"-"+parent+"-01"),
		header("traceparent", "00-"+trace+"-"+parent+"-01", "traceparent", "00-"+trace+"-"+parent+"-00"),
		header("b3", trace), header("b3", trace+"-x"), header("b3", "-"), header("X-B3-TraceId", trace), header("X-B3-SpanId", parent),
	} {
		if got := extracted(h); got.IsValid() {
			t.Errorf("%v became %+v", h, got)
		}
	}
}

func TestTracestateIsPassedOnUnchanged(t *testing.T) {
	in := header("traceparent", "00-"+trace+"-"+parent+"-01", "tracestate", "a=1", "tracestate", "b=2")
	out := http.Header{}
	ctx, _ := tracing.New().Start(tracing.Extract(context.Background(), in), "x", tracing.Server)
	tracing.Inject(ctx, out)
	if got := out.Get("tracestate"); got != "a=1,b=2" {
		t.Errorf("tracestate %q", got)
	}
	if got := out.Get("traceparent"); !strings.HasPrefix(got, "00-"+trace+"-") || strings.Contains(got, parent) {
		t.Errorf("traceparent %q", got)
	}
}

func TestTraceStateThatIsTooLongIsDroppedWhole(t *testing.T) {
	for _, c := range []struct {
		length int
		kept   bool
	}{
		{length: 512, kept: true},
		{length: 513, kept: false},
	} {
		state := "a=" + strings.Repeat("1", c.length-2)
		got := extracted(header("traceparent", "00-"+trace+"-"+parent+"-01", "tracestate", state))
		if !got.IsValid() || c.kept && got.State != state || !c.kept && got.State != "" {
			t.Errorf("of %d bytes %d are left, and the trace is %s", c.length, len(got.State), got.TraceID)
		}
	}
}

func TestSilentTracerPassesTracesOn(t *testing.T) {
	ctx, root := tracing.New().Start(t.Context(), "root", tracing.Server)
	_, child := tracing.New().Start(ctx, "child", tracing.Client)
	if !root.Context().IsValid() || child.Context().TraceID != root.Context().TraceID || root.Context().Sampled {
		t.Errorf("%+v %+v", root.Context(), child.Context())
	}
	if allocs := testing.AllocsPerRun(100, func() {
		_, s := tracing.New().Start(ctx, "child", tracing.Client)
		s.Set("a", "b")
		s.End(nil)
	}); allocs != 0 {
		t.Errorf("an unsampled child costs %v allocations", allocs)
	}
	if got := tracing.SpanContextOf(t.Context()); got.IsValid() {
		t.Errorf("%+v out of nothing", got)
	}
	wire := http.Header{}
	tracing.Inject(t.Context(), wire)
	if len(wire) > 0 {
		t.Errorf("%v out of nothing", wire)
	}
}

func TestRecorderKeepsTheNewestSpansAndTheirParents(t *testing.T) {
	r := &tracing.Recorder{Capacity: 3}
	ctx, root := r.Start(t.Context(), strings.Repeat("n", 5000), tracing.Server)
	for i := range 5 {
		_, s := r.Start(ctx, fmt.Sprint(i), tracing.Client)
		s.Set("i", fmt.Sprint(i))
		s.End(nil)
		s.End(errors.New("twice"))
	}
	got := r.Spans()
	if len(got) != 3 || got[0].Name != "2" || got[2].Name != "4" {
		t.Fatalf("%+v", got)
	}
	for _, s := range got {
		if s.ParentID != root.Context().SpanID || s.TraceID != root.Context().TraceID || s.Kind != tracing.Client || s.Tags["error"] != "" {
			t.Errorf("%+v", s)
		}
	}
	root.End(nil)
	if last := r.Spans()[2]; len(last.Name) > 1024 || last.ParentID != (tracing.SpanID{}) {
		t.Errorf("%d, %s", len(last.Name), last.ParentID)
	}
	ctx = tracing.ContextWithSpan(t.Context(), tracing.SpanContext{TraceID: tracing.TraceID{1}, SpanID: tracing.SpanID{1}})
	if _, s := r.Start(ctx, "unsampled", tracing.Server); s.Context().Sampled {
		t.Error("a trace that is not sampled was")
	}
}

func TestMiddlewareEndsTheSpanOfAPanicWithAnError(t *testing.T) {
	r := &tracing.Recorder{}
	ep := endpoint.New(func(context.Context, int) (int, error) { panic("oops") }).With(tracing.Middleware(r, "x", tracing.Internal))
	func() {
		defer func() { _ = recover() }()
		_, _ = ep(t.Context(), 1)
	}()
	if got := r.Spans(); len(got) != 1 || got[0].Tags["error"] == "" {
		t.Errorf("%+v", got)
	}
}

func TestSpansAreSafeForConcurrentUse(t *testing.T) {
	r := &tracing.Recorder{Capacity: 10}
	ctx, shared := r.Start(t.Context(), "shared", tracing.Internal)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 100 {
				shared.Set(fmt.Sprint(i), "x")
				_, s := r.Start(ctx, "child", tracing.Internal)
				s.End(nil)
				r.Spans()
			}
			shared.End(nil)
		})
	}
	all.Wait()
}

func FuzzExtract(f *testing.F) {
	f.Add("00-"+trace+"-"+parent+"-01", "a=1", trace+"-"+parent+"-1", trace, parent)
	f.Add("ff-", "", "d", "1", "")
	f.Fuzz(func(t *testing.T, w3c, state, b3, multiTrace, multiSpan string) {
		h := http.Header{"Traceparent": {w3c}, "Tracestate": {state}, "B3": {b3}, "X-B3-Traceid": {multiTrace}, "X-B3-Spanid": {multiSpan}}
		got := tracing.SpanContextOf(tracing.Extract(context.Background(), h))
		out := http.Header{}
		tracing.Inject(tracing.ContextWithSpan(context.Background(), got), out)
		if back := tracing.SpanContextOf(tracing.Extract(context.Background(), out)); got.IsValid() && (back.TraceID != got.TraceID || back.SpanID != got.SpanID) {
			t.Errorf("%+v became %+v", got, back)
		}
	})
}

func BenchmarkUnsampledChild(b *testing.B) {
	tracer := tracing.New()
	ctx, _ := tracer.Start(context.Background(), "root", tracing.Server)
	b.ReportAllocs()
	for b.Loop() {
		_, s := tracer.Start(ctx, "child", tracing.Client)
		s.End(nil)
	}
}
