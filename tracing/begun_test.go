package tracing_test

import (
	"testing"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/tracing"
)

func TestACallsContextStoresItsSpan(t *testing.T) {
	outer := tracing.ContextWithSpan(t.Context(), tracing.SpanContext{}.Child(false))
	now := time.Now()
	b := tracing.Begin(outer, endpoint.Operation{Service: "stock", Name: "op"}, now, now.Add(time.Hour))
	defer b.Stop()
	if tracing.SpanContextOf(b) != tracing.SpanContextOf(outer) {
		t.Error("before it has a span of its own it is not in its caller's")
	}
	own := tracing.SpanContextOf(outer).Child(false)
	ctx := tracing.ContextWithSpan(b, own)
	if ctx != b || tracing.SpanContextOf(ctx) != own || own.ParentID != tracing.SpanContextOf(outer).SpanID {
		t.Error("its span is elsewhere")
	}
	below := own.Child(false)
	if inner := tracing.ContextWithSpan(ctx, below); inner == ctx || tracing.SpanContextOf(inner) != below || tracing.SpanContextOf(ctx) != own {
		t.Error("a span below took its place")
	}
	if call := endpoint.OutgoingOf(ctx); call == nil || call.Service != "stock" || call.Caller != outer || !call.Start.Equal(now) {
		t.Errorf("its record is %+v", call)
	}
}
