package eventtrace_test

import (
	"context"
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/internal/eventtrace"
	"github.com/sinew-go/sinew/tracing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func Example() {
	ctx, span := (&tracing.Recorder{}).Start(context.Background(), "place", tracing.Internal)
	e := eventtrace.Inject(ctx, eventbus.Event{})
	fmt.Println(tracing.SpanContextOf(eventtrace.Extract(context.Background(), e)).TraceID == tracing.SpanContextOf(ctx).TraceID)
	span.End(nil)
	// Output: true
}

func TestATraceThatIsNotDecidedUponStaysSo(t *testing.T) {
	ctx := tracing.ContextWithSpan(t.Context(), tracing.SpanContext{TraceID: tracing.TraceID{1}, SpanID: tracing.SpanID{2}, Undecided: true})
	got := tracing.SpanContextOf(eventtrace.Extract(t.Context(), eventtrace.Inject(ctx, eventbus.Event{})))
	if got.TraceID != (tracing.TraceID{1}) || !got.Undecided {
		t.Errorf("%+v", got)
	}
}

func TestAnEventThatHasATraceStaysInIt(t *testing.T) {
	ctx, span := (&tracing.Recorder{}).Start(t.Context(), "place", tracing.Internal)
	defer span.End(nil)
	before := eventbus.Event{Extensions: map[string]string{"traceparent": "00-x"}}
	if got := eventtrace.Inject(ctx, before).Extensions["traceparent"]; got != "00-x" {
		t.Errorf("its trace is %s", got)
	}
}
