package tracing_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/tracing"
)

func Example() {
	spans := &tracing.Recorder{}
	charge := endpoint.New(func(context.Context, int) (string, error) {
		return "", fault.Unavailable.Errorf("the bank is closed")
	}).With(tracing.Middleware(spans, "charge card", tracing.Internal))

	_, _ = charge(context.Background(), 30)
	for _, s := range spans.Spans() {
		fmt.Println(s.Name, s.Kind, s.Tags["error"])
	}
	// Output: charge card internal unavailable: the bank is closed
}

func ExampleInject() {
	ctx := tracing.ContextWithSpan(context.Background(), tracing.SpanContext{TraceID: tracing.TraceID{1}, SpanID: tracing.SpanID{2}, Sampled: true})

	wire := http.Header{}
	tracing.Inject(ctx, wire)
	fmt.Println(wire.Get("traceparent"))

	there := tracing.SpanContextOf(tracing.Extract(context.Background(), wire))
	fmt.Println(there.TraceID, there.Sampled)
	// Output:
	// 00-01000000000000000000000000000000-0200000000000000-01
	// 01000000000000000000000000000000 true
}
