package tracing_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/openzipkin/zipkin-go/propagation/b3"

	"github.com/sinew-go/sinew/tracing"
)

// decision is the sampling decision of a trace.
type decision string

const (
	undecidedYet decision = "defer"
	deny         decision = "deny"
	accept       decision = "accept" // or debug, which decides the same
)

func decisionOf(c tracing.SpanContext) decision {
	switch {
	case c.Undecided:
		return undecidedYet
	case c.Sampled:
		return accept
	}
	return deny
}

// b3States are all states of the B3 headers with ids, in both forms.
var b3States = []struct {
	single string // after the ids
	multi  []string
	want   decision
}{
	{"", nil, undecidedYet},
	{"-0", []string{"X-B3-Sampled", "0"}, deny},
	{"-1", []string{"X-B3-Sampled", "1"}, accept},
	{"-d", []string{"X-B3-Flags", "1"}, accept},
	{"-0-0000000000000001", []string{"X-B3-Sampled", "0", "X-B3-ParentSpanId", "0000000000000001"}, deny},
	{"-1-0000000000000001", []string{"X-B3-Sampled", "1", "X-B3-ParentSpanId", "0000000000000001"}, accept},
	{"-d-0000000000000001", []string{"X-B3-Flags", "1", "X-B3-ParentSpanId", "0000000000000001"}, accept},
	{"", []string{"X-B3-ParentSpanId", "0000000000000001"}, undecidedYet},
	{"-1", []string{"X-B3-Sampled", "true"}, accept},
	{"-0", []string{"X-B3-Sampled", "false"}, deny},
	{"-d", []string{"X-B3-Flags", "1", "X-B3-Sampled", "0"}, accept}, // debug has precedence
	{"", []string{"X-B3-Flags", "0"}, undecidedYet},
	{"-1", []string{"X-B3-Flags", "0", "X-B3-Sampled", "1"}, accept},
}

func TestEveryStateOfB3IsRead(t *testing.T) {
	for _, id := range []string{trace, trace[16:]} {
		for _, state := range b3States {
			multi := header("X-B3-TraceId", id, "X-B3-SpanId", parent)
			for i := 0; i < len(state.multi); i += 2 {
				multi.Set(state.multi[i], state.multi[i+1])
			}
			for _, h := range []http.Header{header("b3", id+"-"+parent+state.single), multi} {
				got := extracted(h)
				if !got.IsValid() || got.SpanID.String() != parent || decisionOf(got) != state.want {
					t.Errorf("%v is read as %s: %+v", h, decisionOf(got), got)
				}
			}
		}
	}
}

func TestAReportingTracerObeysEveryB3State(t *testing.T) {
	for _, state := range b3States {
		recorder := &tracing.Recorder{}
		h := header("b3", trace+"-"+parent+state.single)
		ctx, span := recorder.Start(tracing.Extract(t.Context(), h), "s", tracing.Server)
		span.End(nil)
		got := tracing.SpanContextOf(ctx)
		if n := len(recorder.Spans()); n != map[decision]int{undecidedYet: 1, deny: 0, accept: 1}[state.want] {
			t.Errorf("%v: %d spans", h, n)
		}
		if got.TraceID.String() != trace || got.Undecided {
			t.Errorf("%v goes on as %+v", h, got)
		}
	}
}

func TestASilentTracerPassesEveryB3StateOn(t *testing.T) {
	for _, state := range b3States {
		in := tracing.Extract(t.Context(), header("b3", trace+"-"+parent+state.single))
		ctx, _ := tracing.New().Start(in, "s", tracing.Server)
		for _, formats := range []tracing.Formats{{tracing.B3}, {tracing.B3Multi}, {tracing.W3C, tracing.B3}, {tracing.W3C, tracing.B3Multi}, nil} {
			out := http.Header{}
			formats.Inject(ctx, out)
			if got := tracing.SpanContextOf(formats.Extract(t.Context(), out)); got.TraceID.String() != trace || decisionOf(got) != state.want {
				t.Errorf("%q in %v goes on as %v, which is %s", state.single, formats, out, decisionOf(got))
			}
		}
	}
}

func TestADecisionWithoutIDsIsObeyed(t *testing.T) {
	for _, state := range []struct {
		h    http.Header
		want decision
	}{
		{header("b3", "0"), deny}, {header("X-B3-Sampled", "0"), deny}, {header("X-B3-Sampled", "false"), deny},
		{header("b3", "1"), accept}, {header("X-B3-Sampled", "1"), accept}, {header("X-B3-Sampled", "true"), accept},
		{header("b3", "d"), accept}, {header("X-B3-Flags", "1"), accept}, {header("X-B3-Flags", "1", "X-B3-Sampled", "0"), accept},
	} {
		recorder := &tracing.Recorder{}
		for _, c := range []struct {
			name   string
			tracer tracing.Tracer
		}{
			{name: "who reports", tracer: recorder},
			{name: "who does not", tracer: tracing.New()},
		} {
			ctx, span := c.tracer.Start(tracing.Extract(t.Context(), state.h), "s", tracing.Server)
			span.End(nil)
			got := tracing.SpanContextOf(ctx)
			if !got.IsValid() || decisionOf(got) != state.want || span.Context() != got {
				t.Errorf("%v becomes %+v for %s", state.h, got, c.name)
			}
			if state.want != deny && got.ParentID != (tracing.SpanID{}) {
				t.Errorf("%v: the first span has a parent that is nowhere: %+v", state.h, got)
			}
		}
		if n := len(recorder.Spans()); (n == 1) != (state.want != deny) {
			t.Errorf("%v: %d spans", state.h, n)
		}
	}
}

func TestInvalidB3StatesAreIgnored(t *testing.T) {
	ids := trace + "-" + parent
	for _, h := range []http.Header{
		header("b3", "2"), header("b3", "true"), header("b3", "D"), header("b3", "-1"), header("b3", ids+"-"), header("b3", ids+"-2"),
		header("b3", ids+"-0000000000000001"), header("b3", ids+"-1-"), header("b3", ids+"-1-1"), header("b3", ids+"-1-0000000000000001-1"),
		header("b3", "00000000000000000000000000000000-0000000000000000-1"), header("b3", trace+"-0000000000000000-1"),
		header("X-B3-Sampled", "2"), header("X-B3-Flags", "0"), header("X-B3-Flags", "d"), header("X-B3-Sampled", ""),
		header("X-B3-TraceId", trace, "X-B3-Sampled", "1"), header("X-B3-SpanId", parent, "X-B3-Sampled", "1"), header("X-B3-SpanId", parent, "X-B3-Flags", "1"),
		header("X-B3-TraceId", trace, "X-B3-SpanId", parent, "X-B3-Sampled", "2"),
		header("traceparent", "00-00000000000000000000000000000000-0000000000000000-01"),
	} {
		if got := extracted(h); got != (tracing.SpanContext{}) {
			t.Errorf("%v became %+v", h, got)
		}
	}
}

// Zipkin's own library checks what is written.
func TestZipkinsLibraryReadsEveryB3StateTheSame(t *testing.T) {
	for _, state := range b3States {
		ctx := tracing.Extract(t.Context(), header("b3", trace+"-"+parent+state.single))
		h := http.Header{}
		tracing.Formats{tracing.B3, tracing.B3Multi}.Inject(ctx, h)
		single, err := b3.ParseSingleHeader(h.Get("b3"))
		if err != nil {
			t.Fatalf("%v: %v", h, err)
		}
		multi, err := b3.ParseHeaders(h.Get("X-B3-TraceId"), h.Get("X-B3-SpanId"), h.Get("X-B3-ParentSpanId"), h.Get("X-B3-Sampled"), h.Get("X-B3-Flags"))
		if err != nil {
			t.Fatalf("%v: %v", h, err)
		}
		for _, read := range []struct {
			debug   bool
			sampled *bool
		}{{single.Debug, single.Sampled}, {multi.Debug, multi.Sampled}} {
			got := undecidedYet
			switch {
			case read.debug:
				got = accept
			case read.sampled != nil:
				got = map[bool]decision{true: accept, false: deny}[*read.sampled]
			}
			if got != state.want {
				t.Errorf("%v is %s to Zipkin, not %s", h, got, state.want)
			}
		}
		if want := fmt.Sprint(single.TraceID); want != trace {
			t.Errorf("trace %s", want)
		}
	}
}
