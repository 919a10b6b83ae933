package tracing_test

import (
	"testing"
	"time"
	"unsafe"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/tracing"
)

func TestTheContextOfACallStaysAsItIsWhenTheCallGetsASpan(t *testing.T) {
	outer := tracing.ContextWithSpan(t.Context(), tracing.SpanContext{}.Child(false))
	now := time.Now()
	made := callctx.Begin[tracing.SpanContext](outer, call.Operation{Service: "stock", Name: "op"}, now, now.Add(time.Hour))
	defer made.Stop()
	first := tracing.SpanContextOf(outer).Child(false)
	second := first.Child(false)
	inFirst := tracing.ContextWithSpan(made, first)
	inSecond := tracing.ContextWithSpan(made, second)
	if tracing.SpanContextOf(made) != tracing.SpanContextOf(outer) {
		t.Error("the context that was given has another span than before")
	}
	if tracing.SpanContextOf(inFirst) != first {
		t.Error("the first child is not in the first span")
	}
	if tracing.SpanContextOf(inSecond) != second {
		t.Error("the second child is not in the second span")
	}
	if c := callctx.Of(inFirst); c != &made.Call || c.Service != "stock" {
		t.Errorf("in the span the call is %+v, want that of the context", c)
	}
	if deadline, _ := inFirst.Deadline(); !deadline.Equal(now.Add(time.Hour)) {
		t.Errorf("in the span the deadline is %s", deadline)
	}
}

func TestTheContextOfACallFitsInHalfAKilobyte(t *testing.T) {
	const sizeClass = 512 // of the allocator; the next one is 576
	if got := unsafe.Sizeof(callctx.Context[tracing.SpanContext]{}); got > sizeClass {
		t.Errorf("it has %d bytes, want %d at most", got, sizeClass)
	}
}
