package tracing_test

import (
	"net/http"
	"testing"

	"github.com/sinew-go/sinew/tracing"
)

// undecided is a trace without a sampling decision.
var undecided = tracing.SpanContext{TraceID: tracing.TraceID{1}, SpanID: tracing.SpanID{2}, ParentID: tracing.SpanID{3}, Undecided: true}

func TestAReportingTracerDecidesAnUndecidedTrace(t *testing.T) {
	r := &tracing.Recorder{}
	ctx, outer := r.Start(tracing.ContextWithSpan(t.Context(), undecided), "outer", tracing.Server)
	_, inner := r.Start(ctx, "inner", tracing.Client)
	for _, s := range []tracing.Span{inner, outer} {
		if c := s.Context(); !c.Sampled || c.Undecided || c.TraceID != undecided.TraceID {
			t.Errorf("%+v", c)
		}
		s.End(nil)
	}
	if len(r.Spans()) != 2 {
		t.Errorf("%+v", r.Spans())
	}
	ctx, span := tracing.Unsampled(tracing.ContextWithSpan(t.Context(), undecided))
	if c := span.Context(); c.Sampled || c.Undecided || c.SpanID != undecided.SpanID || tracing.SpanContextOf(ctx) != c {
		t.Errorf("not sampled: %+v", c)
	}
}

func TestASilentTracerPassesAnUndecidedTraceOn(t *testing.T) {
	ctx, span := tracing.New().Start(tracing.ContextWithSpan(t.Context(), undecided), "op", tracing.Server)
	if span.Context() != undecided {
		t.Errorf("%+v", span.Context())
	}
	h := http.Header{}
	tracing.Formats{tracing.B3, tracing.B3Multi}.Inject(ctx, h)
	if h.Get("B3") != undecided.TraceID.String()+"-"+undecided.SpanID.String() || h["X-B3-Sampled"] != nil || h.Get("X-B3-Traceid") == "" {
		t.Errorf("%v", h)
	}
}
