package tracing_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/sinew-go/sinew/tracing"
)

// BenchmarkPropagation writes a span into headers, and reads it from them.
func BenchmarkPropagation(b *testing.B) {
	ctx := tracing.ContextWithSpan(b.Context(), tracing.SpanContext{}.Child(true))
	h := http.Header{}
	b.Run("inject", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			clear(h)
			tracing.Inject(ctx, h)
		}
	})
	b.Run("extract", func(b *testing.B) {
		b.ReportAllocs()
		ctx := context.Background()
		for b.Loop() {
			tracing.Extract(ctx, h)
		}
	})
}

func TestInjectingIntoAHeaderAllocatesTwice(t *testing.T) {
	ctx := tracing.ContextWithSpan(t.Context(), tracing.SpanContext{}.Child(true))
	h := http.Header{}
	tracing.Inject(ctx, h)
	if got := testing.AllocsPerRun(100, func() { tracing.Inject(ctx, h) }); got > 2 {
		t.Errorf("writing W3C and B3 allocates %v times; want at most 2", got)
	}
}

func TestHeadersThatAreInjectedDoNotShareTheirLines(t *testing.T) {
	h := http.Header{}
	tracing.Inject(tracing.ContextWithSpan(t.Context(), tracing.SpanContext{}.Child(true)), h)
	before := h.Get("B3")
	h.Add("Traceparent", "another")
	if got := h.Get("B3"); got != before {
		t.Errorf("a line added to Traceparent made B3 %q", got)
	}
}
