package callctx_test

import (
	"context"
	"testing"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/internal/callctx"
)

func TestACallOfThreeAttemptsCostsOneAllocation(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() {
		_, c := callctx.With(t.Context(), call.Record{})
		c.Try("a")
		c.Try("b")
		c.Try("c")
	}); n != 1 {
		t.Errorf("a call with three attempts costs %v allocations, want 1", n)
	}
}

func TestEnsureContinuesWhatIsThere(t *testing.T) {
	made, c := callctx.With(t.Context(), call.Record{RequestID: "r-1"})
	if ctx, got := callctx.Ensure(made); ctx != made || got != c {
		t.Error("in a call that is being made there is another one")
	}
	byHand := call.Record{Operation: call.Operation{Name: "get", Safe: true}, HashKey: "k"}
	if _, got := callctx.Ensure(call.With(t.Context(), byHand)); got.Name != "get" || !got.Safe || got.HashKey != "k" {
		t.Errorf("of a record by hand it makes %+v", got.Record)
	}
	served := call.Record{Operation: call.Operation{Name: "post"}, Inbound: true, RequestID: "r-2", HashKey: "k"}
	if _, got := callctx.Ensure(call.With(t.Context(), served)); got.Name != "" || got.Inbound || got.RequestID != "r-2" || got.HashKey != "" {
		t.Errorf("in a call being served it makes %+v", got.Record)
	}
}

func TestARecordByHandEndsTheCallAroundIt(t *testing.T) {
	made, _ := callctx.With(t.Context(), call.Record{})
	for _, c := range []struct {
		name string
		ctx  context.Context
	}{
		{name: "a record by hand", ctx: call.With(made, call.Record{})},
		{name: "a call being served", ctx: call.With(made, call.Record{Inbound: true})},
	} {
		if callctx.Of(c.ctx) != nil {
			t.Errorf("%s: the call around it is found as the one being made", c.name)
		}
	}
}
